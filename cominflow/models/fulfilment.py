"""Fulfilment: which providers an operator has paused."""

from django.db import models


class ProviderPause(models.Model):
    """A provider that is asked nothing until the row is gone: requests for it wait."""

    provider = models.CharField(max_length=32, unique=True)
    paused_at = models.DateTimeField()
    paused_by = models.CharField(max_length=80)
    reason = models.TextField()

    def __str__(self) -> str:
        return self.provider
