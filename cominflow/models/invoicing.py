"""Invoices (data only) and the counters their numbers come from."""

from django.db import models


class Numbering(models.Model):
    """The last number given in a section and year. Taken in the transaction that issues: no gaps, ever."""

    section = models.CharField(max_length=8)
    year = models.IntegerField()
    last = models.IntegerField(default=0)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["section", "year"], name="one_counter_per_section_and_year"),)


class Invoice(models.Model):
    """An issued invoice. Amounts in cents; `total = net + vat`."""

    section = models.CharField(max_length=8)
    year = models.IntegerField()
    number = models.IntegerField()
    customer = models.ForeignKey("Customer", models.PROTECT)
    arrival = models.ForeignKey("Arrival", models.PROTECT, related_name="invoices")
    delivery_number = models.IntegerField()
    issued_on = models.DateField()
    issued_at = models.DateTimeField()
    net_cents = models.BigIntegerField()
    vat_cents = models.BigIntegerField()
    total_cents = models.BigIntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["section", "year", "number"], name="invoice_number_once"),
            models.UniqueConstraint(fields=["arrival", "delivery_number"], name="answer_invoiced_once"),
            models.CheckConstraint(
                condition=models.Q(total_cents=models.F("net_cents") + models.F("vat_cents")), name="invoice_adds_up"
            ),
        )

    def __str__(self) -> str:
        return self.full_number

    @property
    def full_number(self) -> str:
        """The number as printed and as it stands in invoice records: `A/2026/17`."""
        return f"{self.section}/{self.year}/{self.number}"


class InvoiceLine(models.Model):
    """One service at one unit price. VAT is computed per rate group; `vat_rate_bp` in hundredths of a percent."""

    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="lines")
    position = models.IntegerField()
    service = models.ForeignKey("Service", models.PROTECT)
    description = models.CharField(max_length=200)
    quantity = models.IntegerField()
    unit_price_e8 = models.BigIntegerField()
    net_cents = models.BigIntegerField()
    vat_rate_bp = models.IntegerField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["invoice", "position"], name="invoice_line_position"),)
