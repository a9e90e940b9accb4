"""Customers: who asks and pays. The code also names the customer's folders."""

from django.core.validators import RegexValidator
from django.db import models


class Customer(models.Model):
    """One customer, with a feed or without."""

    code = models.CharField(max_length=32, unique=True, validators=[RegexValidator(r"^[a-z0-9_-]{1,32}$")])
    name = models.CharField(max_length=200)
    vat_number = models.CharField(max_length=11, blank=True)
    fiscal_code = models.CharField(max_length=16, blank=True)
    state = models.CharField(max_length=12, default="ENABLED")
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.code


class Key(models.Model):
    """A public key that a customer may log in with. A withdrawn key stays, with its date."""

    customer = models.ForeignKey(Customer, models.PROTECT, related_name="keys")
    kind = models.CharField(max_length=40)
    body = models.TextField()
    fingerprint = models.CharField(max_length=64)
    comment = models.CharField(max_length=200, blank=True)
    added_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            # One key must not open two customers' folders.
            models.UniqueConstraint(
                fields=["fingerprint"], condition=models.Q(withdrawn_at=None), name="one_customer_per_key"
            ),
        )

    def __str__(self) -> str:
        return self.fingerprint
