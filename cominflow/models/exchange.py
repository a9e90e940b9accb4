"""Exchange: feeds and their versions, arrivals, requests (rows and chunks), deliveries, and what happened to them.

Names of files are bytes on disk and in these tables: a client may send any bytes.
Payloads (raw records, results) are blobs that passed `exchange.payload.seal`.
"""

from django.db import models

from cominflow import shown


class LayoutVersion(models.Model):
    """A published layout. Immutable: the same id and version can never stand for other bytes."""

    layout_id = models.CharField(max_length=80)
    version = models.CharField(max_length=20)
    fingerprint = models.CharField(max_length=64, unique=True)
    text = models.TextField()
    valid_from = models.DateField(null=True)
    published_at = models.DateTimeField()
    published_by = models.CharField(max_length=80)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["layout_id", "version"], name="one_text_per_version"),)


class Feed(models.Model):
    """A customer's agreement on files: its state is here, its words are in the versions."""

    customer = models.ForeignKey("Customer", models.PROTECT, related_name="feeds")
    name = models.CharField(max_length=80)
    state = models.CharField(max_length=12, default="DRAFT")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["customer", "name"], name="feed_name_once"),)


class FeedVersion(models.Model):
    """A published feed: its text, and the layout versions it was published with. Immutable."""

    feed = models.ForeignKey(Feed, models.PROTECT, related_name="versions")
    number = models.IntegerField()
    fingerprint = models.CharField(max_length=64)
    text = models.TextField()
    layouts = models.ManyToManyField(LayoutVersion)
    published_at = models.DateTimeField()
    published_by = models.CharField(max_length=80)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["feed", "number"], name="feed_version_number"),)


class Batch(models.Model):
    """What one workflow works through: up to 256 small arrivals, or one large one.

    late_for    set when the batch only delivers answers that came after its arrival's first answer
    attempts_count  times its workflow began without coming to an orderly end: more than a few, and it kills the process
    failures_count  orderly ends by a failure of the world (disk, network, provider); part of the workflow's id
    not_before      set after such a failure: when to try again
    error           what failed last, in words, for the operator
    """

    created_at = models.DateTimeField()
    late_for = models.ForeignKey("Arrival", models.PROTECT, null=True, related_name="late_batches")
    attempts_count = models.IntegerField(default=0)
    failures_count = models.IntegerField(default=0)
    not_before = models.DateTimeField(null=True)
    error = models.TextField(blank=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (models.Index(fields=["created_at"], condition=models.Q(finished_at=None), name="batch_unfinished"),)


class Arrival(models.Model):
    """One file that was taken out of an inbox.

    claim_id       random name of the file in the spool (32 hex digits), known before the row exists
    name           the client's bytes
    dev, ino       what was renamed, so that a restart recognises it
    duplicate_of   the live arrival with the same content
    reason         why it is in its state, for the operator; reason_it and reason_en say it to the customer (receipts)
    was_released   an operator let a repeat, a quarantined or a held file through, or the feed takes this repeat
    released_as    of a repeat that an operator let through: "anew", or "changed" (only what changed in it)
    readings_count 1, and one more for each release: a further reading has a further receipt
    """

    claim_id = models.CharField(max_length=32, unique=True)
    customer = models.ForeignKey("Customer", models.PROTECT, related_name="arrivals")
    batch = models.ForeignKey(Batch, models.PROTECT, null=True, related_name="arrivals")
    feed_version = models.ForeignKey(FeedVersion, models.PROTECT, null=True)
    layout_version = models.ForeignKey(LayoutVersion, models.PROTECT, null=True)
    name = models.BinaryField()
    state = models.CharField(max_length=12)
    reason = models.TextField(blank=True)
    reason_it = models.TextField(blank=True)
    reason_en = models.TextField(blank=True)
    dev = models.BigIntegerField()
    ino = models.BigIntegerField()
    bytes_count = models.BigIntegerField()
    sha256 = models.CharField(max_length=64, blank=True)
    duplicate_of = models.ForeignKey("self", models.PROTECT, null=True)
    was_released = models.BooleanField(default=False)
    released_as = models.CharField(max_length=8, blank=True, default="")
    reference_date = models.DateField(null=True)
    records_count = models.BigIntegerField(default=0)
    requests_count = models.BigIntegerField(default=0)
    rejected_count = models.BigIntegerField(default=0)
    answers_count = models.IntegerField(default=0)
    readings_count = models.IntegerField(default=1)
    head = models.BinaryField(null=True)
    tail = models.BinaryField(null=True)
    report = models.BinaryField(null=True)
    claimed_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            # One customer and content hash have one live arrival, unless an operator released a repeat.
            models.UniqueConstraint(
                fields=["customer", "sha256"],
                condition=models.Q(was_released=False, state__in=["CLAIMED", "READING", "QUEUED", "ANSWERED", "CLOSED"])
                & ~models.Q(sha256=""),
                name="one_live_arrival_per_content",
            ),
        )
        indexes = (
            models.Index(fields=["state"], name="arrival_state"),
            models.Index(fields=["customer", "sha256"], name="arrival_content"),
            models.Index(fields=["claimed_at"], name="arrival_claimed"),
        )

    @property
    def reference(self) -> str:
        """How people name it: `A-17`."""
        return f"A-{self.pk}"

    @property
    def shown_name(self) -> str:
        """The client's name for a person (see `cominflow.shown`)."""
        return shown.name(bytes(self.name))


class Request(models.Model):
    """One request of an arrival held as rows. `payload` and `result` are sealed.

    reference_hash  null when the request has no reference, or it is in a run (see ReferenceRun)
    """

    arrival = models.ForeignKey(Arrival, models.PROTECT, related_name="requests")
    position = models.IntegerField()
    reference_hash = models.BigIntegerField(null=True)
    service = models.ForeignKey("Service", models.PROTECT)
    state = models.CharField(max_length=10, default="WAITING")
    outcome = models.CharField(max_length=12, blank=True)
    payload = models.BinaryField()
    result = models.BinaryField(null=True)
    revision = models.IntegerField(default=0)
    delivery_number = models.IntegerField(default=0)
    answered_at = models.DateTimeField(null=True)
    answered_by = models.CharField(max_length=80, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["arrival", "position"], name="request_position"),)
        indexes = (
            models.Index(
                fields=["reference_hash"], condition=models.Q(reference_hash__isnull=False), name="request_reference"
            ),
            models.Index(fields=["arrival"], condition=models.Q(state="OPEN"), name="request_open"),
        )


class Chunk(models.Model):
    """Up to 10,000 requests of one arrival, and their first answers; late answers are overlays.

    first_position   position in the arrival of the chunk's first request
    delivery_number  the delivery its first answers went out with (0: none yet)
    result           last, since SQLite walks through what stands before a column to read it
    """

    arrival = models.ForeignKey(Arrival, models.PROTECT, related_name="chunks")
    ordinal = models.IntegerField()
    first_position = models.IntegerField()
    state = models.CharField(max_length=10, default="QUEUED")
    requests_count = models.IntegerField()
    waiting_count = models.IntegerField()
    open_count = models.IntegerField(default=0)
    answered_count = models.IntegerField(default=0)
    refused_count = models.IntegerField(default=0)
    cancelled_count = models.IntegerField(default=0)
    expired_count = models.IntegerField(default=0)
    delivery_number = models.IntegerField(default=0)
    result = models.BinaryField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["arrival", "ordinal"], name="chunk_ordinal"),
            models.CheckConstraint(
                condition=models.Q(
                    requests_count=models.F("waiting_count")
                    + models.F("open_count")
                    + models.F("answered_count")
                    + models.F("refused_count")
                    + models.F("cancelled_count")
                    + models.F("expired_count")
                ),
                name="chunk_adds_up",
            ),
        )
        indexes = (models.Index(fields=["arrival"], condition=models.Q(open_count__gt=0), name="chunk_open"),)


class ChunkPayload(models.Model):
    """What the requests of a chunk say, and their records. Written once, and apart from the chunk, whose row is written
    often.
    """

    chunk = models.OneToOneField(Chunk, models.PROTECT, primary_key=True, related_name="+")
    payload = models.BinaryField()
    # Last: SQLite reads a row up to the column that is asked for, and most ask for the payload. Null where the records
    # stand in the payload, as those stored before this column.
    records = models.BinaryField(null=True)


class Overlay(models.Model):
    """An answer laid over one position of a chunk: open, late, manual or corrected. The newest revision holds."""

    chunk = models.ForeignKey(Chunk, models.PROTECT, related_name="overlays")
    position = models.IntegerField()
    revision = models.IntegerField()
    state = models.CharField(max_length=10)
    outcome = models.CharField(max_length=12, blank=True)
    result = models.BinaryField(null=True)
    delivery_number = models.IntegerField(default=0)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=80, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["chunk", "position", "revision"], name="overlay_revision"),)
        indexes = (models.Index(fields=["state"], name="overlay_state"),)


class ReferenceRun(models.Model):
    """Sorted 64-bit hashes of references with the places of their requests: of one arrival, or merged from several.

    arrival     whose references they are, as long as the run was not merged with others
    month       of the acceptance, as 202603: runs of one customer and month are merged
    newest_at   the last acceptance among its arrivals
    bounds      the first hash of each slice, in order
    filter      bits by which most hashes that are not in the run are known; empty for a small one
    """

    customer = models.ForeignKey("Customer", models.PROTECT)
    arrival = models.ForeignKey(Arrival, models.PROTECT, null=True, related_name="reference_runs")
    month = models.IntegerField()
    newest_at = models.DateTimeField()
    references_count = models.IntegerField()
    slices_count = models.IntegerField()
    bounds = models.BinaryField()
    filter = models.BinaryField()

    class Meta:
        indexes = (models.Index(fields=["customer", "month"], name="reference_run_month"),)


class ReferenceSlice(models.Model):
    """Some thousand neighbours of a run. A look-up reads one slice per run; a hit is verified against the text.

    key     the run's key times 2**20, plus the number of the slice in it, from 0
    places  arrival's key times 2**30, plus the position, for each hash
    """

    key = models.BigIntegerField(primary_key=True)
    hashes = models.BinaryField()
    places = models.BinaryField()


class Repeats(models.Model):
    """Requests of one portion that repeat or change earlier ones, and what was decided about each, as a table.

    ordinal  the chunk's, or -1 for an arrival that is held as rows
    """

    arrival = models.ForeignKey(Arrival, models.PROTECT, related_name="repeats")
    ordinal = models.IntegerField()
    refused_count = models.IntegerField()
    answered_count = models.IntegerField()
    corrected_count = models.IntegerField()
    payload = models.BinaryField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["arrival", "ordinal"], name="repeats_of_portion"),)


class FlowNumber(models.Model):
    """The numbers by which a file goes on from those its feed accepted before, and how far the feed has come with it.

    Only added to, in the transaction that accepts the file. The newest row of a feed and a path says what the next file
    is held against.

    path         `record.field` of the layout
    round        how often the count had begun anew
    first, last  null where the file has no number that can be read
    reached, aside, lost  see `tracciati.history.numbers.Course`
    """

    feed = models.ForeignKey(Feed, models.PROTECT)
    arrival = models.ForeignKey(Arrival, models.PROTECT, related_name="flow_numbers")
    path = models.TextField()
    round = models.IntegerField()
    first = models.BigIntegerField(null=True)
    last = models.BigIntegerField(null=True)
    reached = models.BigIntegerField(null=True)
    aside = models.BigIntegerField(null=True)
    lost = models.IntegerField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["arrival", "path"], name="flow_number_once"),)
        indexes = (models.Index(fields=["feed", "path", "round", "first"], name="flow_number_held"),)


class FlowBalance(models.Model):
    """The balance that an account had at the end of the last file of its feed that was accepted.

    account_hash  of the account's fields, see `cominflow.text_hash`
    closing       in units of the last decimal; null where it cannot be read
    arrival       the file that says so
    """

    feed = models.ForeignKey(Feed, models.PROTECT)
    account_hash = models.BigIntegerField()
    closing = models.BigIntegerField(null=True)
    arrival = models.ForeignKey(Arrival, models.PROTECT, related_name="flow_balances")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["feed", "account_hash"], name="balance_of_account"),)


class WorkAssignment(models.Model):
    """Who answers an open request. It ends when the request is answered, or is given to somebody else."""

    arrival = models.ForeignKey(Arrival, models.PROTECT, related_name="assignments")
    position = models.IntegerField()
    assignee = models.CharField(max_length=80)
    assigned_at = models.DateTimeField()
    assigned_by = models.CharField(max_length=80)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["arrival", "position"], name="one_assignee_per_request"),)


class Delivery(models.Model):
    """One file for the customer: receipt, rejections, answer 1..n or invoice records.

    kind    receipt | rejection | answer | invoice
    number  1..n among the answers (and invoice records) of its arrival; of receipt and rejection the reading, from 1
    """

    customer = models.ForeignKey("Customer", models.PROTECT, related_name="deliveries")
    arrival = models.ForeignKey(Arrival, models.PROTECT, related_name="deliveries")
    kind = models.CharField(max_length=12)
    number = models.IntegerField(default=0)
    folder = models.CharField(max_length=10)
    name = models.BinaryField()
    state = models.CharField(max_length=10, default="PLANNED")
    reason = models.TextField(blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    bytes_count = models.BigIntegerField(default=0)
    planned_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True)
    retrieved_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["arrival", "kind", "number", "name"], name="delivery_once"),
            models.UniqueConstraint(fields=["customer", "folder", "name"], name="delivery_name_once"),
        )
        indexes = (models.Index(fields=["state"], name="delivery_state"),)

    @property
    def reference(self) -> str:
        """How people name it: `D-5`."""
        return f"D-{self.pk}"

    @property
    def shown_name(self) -> str:
        """The file's name for a person (see `cominflow.shown`)."""
        return shown.name(bytes(self.name))


class Once(models.Model):
    """A step that is done: written in the same transaction as its effects, so that it has them once."""

    arrival = models.ForeignKey(Arrival, models.PROTECT)
    step = models.CharField(max_length=60)
    done_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["arrival", "step"], name="step_once"),)


class Event(models.Model):
    """What happened, to what, when, by whom and why. Only added to."""

    at = models.DateTimeField()
    by = models.CharField(max_length=80)
    subject = models.CharField(max_length=40)
    what = models.CharField(max_length=40)
    reason = models.TextField(blank=True)

    class Meta:
        indexes = (models.Index(fields=["subject"], name="event_subject"),)
