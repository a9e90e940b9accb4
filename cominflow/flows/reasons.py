"""Reasons: why a file was not simply accepted, in the words of each who reads them.

The operator reads English, with the command that comes next. The customer reads the receipt, in Italian and English:
what is wrong with their file and whether they must do something, never our commands. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Reason:
    """One reason. All three are empty when there is nothing to say."""

    operator: str
    customer_it: str
    customer_en: str

    def columns(self) -> dict[str, str]:
        """What an arrival keeps of it beside `reason`."""
        return {"reason_it": self.customer_it, "reason_en": self.customer_en}

    def __bool__(self) -> bool:
        return bool(self.operator)


NONE = Reason("", "", "")

_WAIT_IT = "il file è conservato e un nostro operatore se ne occupa; non occorre inviarlo di nuovo"
_WAIT_EN = "the file is kept and one of our operators looks at it; there is no need to send it again"


def together(reasons: Sequence[Reason]) -> Reason:
    """Several reasons as one."""
    return Reason(
        "; ".join(reason.operator for reason in reasons),
        "; ".join(dict.fromkeys(reason.customer_it for reason in reasons)),
        "; ".join(dict.fromkeys(reason.customer_en for reason in reasons)),
    )


def unknown_name(agreed: Sequence[str]) -> Reason:
    """No live feed takes a file of that name; `agreed` are the names that are taken."""
    names = "; ".join(agreed)
    return Reason(
        f"no feed takes a file of this name; the names agreed: {names or 'none, no feed is live'}. "
        "Publish a feed that takes it and release the file, or discard it",
        "nessun accordo prevede un file con questo nome; nomi concordati: "
        f"{names or 'nessuno'}. Inviare il file con un nome concordato",
        f"no agreement knows a file of this name; the names agreed: {names or 'none'}. "
        "Send the file under a name that was agreed",
    )


def no_layout(layout: str, day: date | None, begins: date | None) -> Reason:
    """No version of the feed's layout was valid on the file's own date (None: it says none, and today counts)."""
    when_it = f"alla data del file, {day.isoformat()}" if day else "oggi"
    when_en = f"on {day.isoformat()}, the file's own date" if day else "today"
    first_it = f" (la prima vale dal {begins.isoformat()})" if begins else ""
    first_en = f" (the first begins on {begins.isoformat()})" if begins else ""
    return Reason(
        f"no version of {layout} is valid {when_en}{first_en}; "
        "publish the feed with one that is and release the file, or discard it",
        f"nessuna versione del tracciato {layout} è valida {when_it}{first_it}; {_WAIT_IT}",
        f"no version of the layout {layout} is valid {when_en}{first_en}; {_WAIT_EN}",
    )


def only_the_one_before(present: str, before: str, until: date | None) -> Reason:
    """The file has findings with the layout of its date, and none with the version before, taken until a day."""
    why = "the feed took the old one until {}" if until else "the feed does not say how long the old one is taken"
    return Reason(
        f"the file reads clean only with {before}, the version before {present}, and {why.format(until)}; "
        "ask the customer for the file in the new layout and discard this one, or publish the feed with a later "
        "`calendar.old_layout_until` and release it",
        f"il file è conforme soltanto a {before}, il tracciato precedente, sostituito da {present}; "
        "inviare il file nel tracciato in vigore",
        f"the file agrees only with {before}, the layout before, which {present} has replaced; "
        "send the file in the layout that holds now",
    )


def read_with_the_one_before(present: str, before: str, until: date | None) -> Reason:
    """The file was read with the version before, which the feed takes until a day (None: it did so at first)."""
    to_it = f" fino al {until.isoformat()}" if until else ""
    to_en = f" until {until.isoformat()}" if until else ""
    return Reason(
        f"read with {before}, the version before {present}, which the feed takes{to_en}",
        f"letto con {before}, il tracciato precedente, ammesso{to_it}; dopo vale soltanto {present}",
        f"read with {before}, the layout before, which is taken{to_en}; after that only {present} holds",
    )


def findings(summary: str) -> Reason:
    """The file as a whole cannot be accepted; `summary` is the report's last line."""
    return Reason(
        f"{summary}; see `cominflow arrival show`, or the customer's receipt",
        "il file nel suo insieme non può essere accettato per i rilievi e i totali indicati sotto; "
        "correggerlo e inviarlo di nuovo",
        "the file as a whole cannot be accepted, for the findings and totals below; correct it and send it again",
    )


def wrong_beside(count: int) -> Reason:
    """Records that belong to no request have errors: what they say holds for every request of the file."""
    return Reason(
        f"{count} record{'s' * (count > 1)} beside the requests (head or tail) cannot be accepted; "
        "see `cominflow arrival show`, or the customer's receipt",
        "i record che valgono per tutto il file (testa o coda) contengono gli errori indicati sotto: nessuna richiesta "
        "è stata accettata; correggere il file e inviarlo di nuovo",
        "records that hold for the whole file (head or tail) have the errors below: no request was accepted; correct "
        "the file and send it again",
    )


def too_many_wrong(wrong: int, count: int, policy: str) -> Reason:
    """More requests are wrong than the feed lets pass."""
    share_it = "l'accordo non ammette richieste errate" if policy == "reject-file" else f"l'accordo ne ammette {policy}"
    share_en = "the agreement allows none" if policy == "reject-file" else f"the agreement allows {policy}"
    return Reason(
        f"{wrong} of {count} requests are wrong; the feed's policy is {policy}",
        f"{wrong} richieste su {count} sono errate e {share_it}: nessuna è stata accettata; "
        "correggere il file e inviarlo di nuovo",
        f"{wrong} of {count} requests are wrong and {share_en}: none was accepted; correct the file and send it again",
    )


def unverifiable_total() -> Reason:
    """A total cannot be verified, and the feed refuses the file for that."""
    return Reason(
        "a total cannot be verified, because an amount in it cannot be read; the feed's policy is reject-file",
        "un totale non è verificabile, perché contiene un importo illeggibile, e l'accordo vuole che il file sia "
        "respinto; correggere l'importo e inviare di nuovo il file",
        "a total cannot be verified, because an amount in it cannot be read, and the agreement has such a file "
        "refused; correct the amount and send the file again",
    )


def unverifiable_held() -> Reason:
    """A total cannot be verified, and the feed leaves that to an operator."""
    return Reason(
        "a total cannot be verified, because an amount in it cannot be read; release the file to accept it as it is, "
        "or discard it",
        f"un totale non è verificabile, perché contiene un importo illeggibile; {_WAIT_IT}",
        f"a total cannot be verified, because an amount in it cannot be read; {_WAIT_EN}",
    )


def discontinuous(said_en: str, said_it: str, *, is_held: bool) -> Reason:
    """The file does not go on from what its feed accepted before; `said`: what differs, in words."""
    if is_held:
        return Reason(
            f"{said_en}; release the file to accept it as it is, or discard it",
            f"{said_it}; {_WAIT_IT}",
            f"{said_en}; {_WAIT_EN}",
        )
    return Reason(
        f"{said_en}; the feed's `continuity` refuses such a file",
        f"{said_it}, e l'accordo vuole che un file così sia respinto: nessuna richiesta è stata accettata; "
        "controllare quali file sono stati inviati e inviarlo di nuovo corretto",
        f"{said_en}, and the agreement has such a file refused: no request was accepted; "
        "see which files were sent, and send it again corrected",
    )


def no_price(services: Collection[str], customer: str) -> Reason:
    """Services that were asked for without a price for this customer; unknown services too."""
    names = ", ".join(sorted(code or "(blank)" for code in services))
    return Reason(
        f"no price for {names}; set it with `cominflow price set {customer} SERVICE AMOUNT` "
        "(see `cominflow service list`) and release the file",
        f"servizi non ancora attivati: {names}; {_WAIT_IT}",
        f"services not set up yet: {names}; {_WAIT_EN}",
    )


def defect(kind: str) -> Reason:
    """We could not read the file, by a fault of our own."""
    return Reason(
        f"a defect of ours ({kind}) stopped the reading; the engine's log of this instant has its place. "
        "Release the file once it is mended",
        f"un nostro errore ha interrotto la lettura; {_WAIT_IT}",
        f"a fault of ours stopped the reading; {_WAIT_EN}",
    )


def killer(times: int) -> Reason:
    """The process died again and again while it worked on this file's batch."""
    return Reason(
        f"the engine died {times} times while it worked on this file's batch; the system's log says of what. "
        "Release the file once that is mended",
        f"un nostro errore ha interrotto la lettura; {_WAIT_IT}",
        f"a fault of ours stopped the reading; {_WAIT_EN}",
    )
