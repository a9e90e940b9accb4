"""Models: what is stored, one file per part. Rows and constraints only; the rules live in the parts."""

from cominflow.models.customers import Customer, Key
from cominflow.models.exchange import (
    Arrival,
    Batch,
    Chunk,
    ChunkPayload,
    Delivery,
    Event,
    Feed,
    FeedVersion,
    FlowBalance,
    FlowNumber,
    LayoutVersion,
    Once,
    Overlay,
    ReferenceRun,
    ReferenceSlice,
    Repeats,
    Request,
    WorkAssignment,
)
from cominflow.models.fulfilment import ProviderPause
from cominflow.models.invoicing import Invoice, InvoiceLine, Numbering
from cominflow.models.pricing import Charge, Price, Service

__all__ = [
    "Arrival",
    "Batch",
    "Charge",
    "Chunk",
    "ChunkPayload",
    "Customer",
    "Delivery",
    "Event",
    "Feed",
    "FeedVersion",
    "FlowBalance",
    "FlowNumber",
    "Invoice",
    "InvoiceLine",
    "Key",
    "LayoutVersion",
    "Numbering",
    "Once",
    "Overlay",
    "Price",
    "ProviderPause",
    "ReferenceRun",
    "ReferenceSlice",
    "Repeats",
    "Request",
    "Service",
    "WorkAssignment",
]
