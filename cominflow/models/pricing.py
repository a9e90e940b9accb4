"""Services, their flat prices, and charges."""

from django.db import models


class Service(models.Model):
    """What can be asked for: `provider` fulfils it with `provider_settings`. VAT in hundredths of a percent."""

    code = models.CharField(max_length=32, unique=True)
    title = models.CharField(max_length=200)
    provider = models.CharField(max_length=32)
    provider_settings = models.JSONField(default=dict)
    vat_rate_bp = models.IntegerField(default=2200)

    def __str__(self) -> str:
        return self.code


class Price(models.Model):
    """One flat unit price of a service for a customer, in 1e-8 euro, from an instant on. Never edited."""

    customer = models.ForeignKey("Customer", models.PROTECT)
    service = models.ForeignKey(Service, models.PROTECT)
    unit_price_e8 = models.BigIntegerField()
    valid_from = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["customer", "service", "valid_from"], name="one_price_at_a_time"),
            models.CheckConstraint(condition=models.Q(unit_price_e8__gte=0), name="price_not_negative"),
        )


class Charge(models.Model):
    """What one delivery of answers costs for one service: quantity times unit price, rounded once.

    One per (arrival, chunk, delivery, service, price): `chunk_ordinal` is -1 for an arrival held as rows.
    The unique key makes a second charge for the same answers impossible.
    """

    arrival = models.ForeignKey("Arrival", models.PROTECT, related_name="charges")
    chunk_ordinal = models.IntegerField(default=-1)
    delivery_number = models.IntegerField()
    service = models.ForeignKey(Service, models.PROTECT)
    price = models.ForeignKey(Price, models.PROTECT)
    quantity = models.IntegerField()
    amount_cents = models.BigIntegerField()
    charged_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["arrival", "chunk_ordinal", "delivery_number", "service", "price"], name="charged_once"
            ),
            models.CheckConstraint(condition=models.Q(quantity__gt=0), name="charge_of_something"),
        )
