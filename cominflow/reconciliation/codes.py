"""Codes: what may not add up. A code never changes its meaning and is never used again. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_BACKUP = "take the file from a backup"
_TELL_US = "a defect of ours or a change by hand: keep a copy of the database, and report it with these lines"
_MONEY = "issue nothing more to this customer before it is understood; " + _TELL_US


@dataclass(frozen=True)
class Entry:
    """One code: what is wrong, in a sentence, and what to do about it."""

    title: str
    remedy: str


PARTS: Mapping[str, str] = {
    "1": "Files that came in",
    "2": "Requests",
    "3": "Deliveries",
    "4": "Charges",
    "5": "Invoices",
    "6": "Work",
}

CATALOGUE: Mapping[str, Entry] = {
    "R-101": Entry(
        "the original of an arrival is nowhere", f"{_BACKUP}; its name in the archive is the SHA-256 of its content"
    ),
    "R-102": Entry("an original has another size than the arrival's row says", _BACKUP),
    "R-103": Entry("an original has another content than the arrival's row says", _BACKUP),
    "R-104": Entry(
        "bytes of a purged arrival are still there", "give `cominflow purge` again: it ends what was interrupted"
    ),
    "R-105": Entry(
        "a file that no row knows lies in one of our folders",
        "was an older copy of the database restored? See what the file is, then move it out",
    ),
    "R-201": Entry("an arrival has not as many requests as its row says", _TELL_US),
    "R-202": Entry("a chunk's counters differ from the states of its requests", _TELL_US),
    "R-203": Entry("stored requests cannot be read, or are not as many as their chunk says", _TELL_US),
    "R-204": Entry("the positions of an arrival's requests have a hole or overlap", _TELL_US),
    "R-205": Entry("an overlay does not fit what it lies over", _TELL_US),
    "R-206": Entry("the states of the requests do not fit the state of their arrival", _TELL_US),
    "R-207": Entry("a step that was done has no once-row, or a once-row no step", _TELL_US),
    "R-208": Entry("a request cannot be found by its reference", _TELL_US),
    "R-209": Entry("what came in on a day is not what became of it", "see the findings on arrivals of that day"),
    "R-210": Entry(
        "the number by which a file goes on from the one before was another's, or its file was not accepted", _TELL_US
    ),
    "R-301": Entry("a reading has not exactly one receipt, as text and as JSON", _TELL_US),
    "R-302": Entry("rejected requests were never returned", _TELL_US),
    "R-303": Entry("an arrival's answers are not numbered 1 to its count of answers", _TELL_US),
    "R-304": Entry(
        "a published file has other bytes than were delivered",
        "find out who writes into the customer's folder; tell the customer not to use the file",
    ),
    "R-305": Entry(
        "a delivery has been waiting to be published for more than an hour",
        "see `cominflow status`: does the engine run, and what fails?",
    ),
    "R-306": Entry(
        "the bytes of a staged delivery are gone",
        "start the engine again: it holds the delivery for a decision of ours",
    ),
    "R-307": Entry("an arrival is closed, a file of it is not out, and no batch goes on with it", _TELL_US),
    "R-308": Entry("an invoice has no file of invoice records", _TELL_US),
    "R-401": Entry("a fulfilled answer went out and was not charged", _MONEY),
    "R-402": Entry("something was charged that no answer stands for", _MONEY),
    "R-403": Entry("a charge has another amount than its quantity and price give", _MONEY),
    "R-404": Entry("a charge has another price than held when the file was accepted", _MONEY),
    "R-501": Entry("charges have no invoice, or an invoice no charges", _MONEY),
    "R-502": Entry("the lines of an invoice are not its charges", _MONEY),
    "R-503": Entry("the VAT of an invoice is not that of its lines", _MONEY),
    "R-504": Entry("the totals of an invoice are not the sums of its lines", _MONEY),
    "R-505": Entry("the numbers of a section and year have a hole or a double", _MONEY),
    "R-506": Entry("the numbering does not stand at the last number given", _MONEY),
    "R-507": Entry("an invoice names another customer or year than it belongs to", _MONEY),
    "R-601": Entry(
        "a batch has not come to its end for more than an hour",
        "see `cominflow status`: does the engine run, and what fails?",
    ),
    "R-602": Entry(
        "an arrival is half-way, and no batch goes on with it",
        "`cominflow arrival show` tells how far it came; " + _TELL_US,
    ),
}
