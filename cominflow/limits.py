"""Limits: every maximum in one place, each with its reason."""

# Up to this many requests an arrival is rows; above it, chunks. A one-request chunk costs 2.6 kB and 16 ms,
# a row costs 0.2 ms; at a million requests rows take eight times as long as chunks.
REQUESTS_AS_ROWS_MAX = 256

# Requests per chunk: the engine's cost per step (5 ms) vanishes, and a result blob rewritten for one late
# answer is still small (about 270 kB).
CHUNK_REQUESTS = 10_000

# Portions of a large file that wait for the second thread or are with it: each is some megabytes.
BEHIND_MAX = 1

# Small arrivals of one batch: one claim transaction per 64..1024 files gives 6,000..14,000 files a second.
BATCH_ARRIVALS_MAX = 256

# Up to so many files are made durable one by one; above, the whole file system at once. An fsync costs about 1 ms
# for each file, also when nothing is to be written; one syncfs costs a few, and the writing of what others left.
FSYNC_EACH_MAX = 8

# Deliveries that are made durable and stated together: two of each arrival of a batch. Their rows, and a few hundred
# bytes of each small file, are in memory.
DELIVERIES_TOGETHER_MAX = 512

# Small arrivals that are read one after the other, and then decided about in one transaction. What was read of them is
# in memory meanwhile, some times their size, and the transaction takes some tenths of a millisecond for each.
READ_TOGETHER_MAX = 64

# Small arrivals that are settled in one transaction. It holds the counter of invoice numbers: others wait for it.
SETTLED_TOGETHER_MAX = 64

# Files above this get a batch of their own, so that small ones do not wait behind them: about 1,300 records of
# 200 bytes, which take some 10 ms to read.
BATCH_SMALL_FILE_BYTES_MAX = 256 * 1024

# A client's file name, in bytes: what ext4 takes. Longer names cannot reach the inbox.
NAME_BYTES_MAX = 255

# Times a batch is started again after its process died in it, before its arrivals are quarantined: a file
# that kills the process must not do so for ever.
BATCH_ATTEMPTS_MAX = 5

# Seconds after its last change that a file under a temporary name (.part, .tmp) is taken for an upload under way. A
# transfer changes it all the time and the rename follows within seconds; after ten minutes somebody should look.
TEMPORARY_NAME_S_MAX = 600

# Seconds that a stopping engine waits for the steps at work. They look up several times a second; only a provider that
# does not answer can take longer, and the process then ends without it. `cominflow up` waits a little longer still.
STOP_S = 10.0

# Completeness of a file, where its feed says no figure of its own. `quiet`: longer than a client's pause between two
# writes. `rename`, of a file that was never seen under another name: a client renames at once, or never.
QUIET_S = 30.0
RENAME_QUIET_S = 60.0
QUIET_S_MAX = 3600

# How long a marker or its file may be missing before it is told, and how long a file may lack its last record before
# it is taken and refused: a large file sent again after a broken line takes less than an hour or two.
MARKER_PATIENCE_S = 7200.0
TRAILER_PATIENCE_S = 3600.0

# A marker that holds more is no marker: a SHA-256 and a name are some hundred bytes.
MARKER_BYTES_MAX = 4096

# Seconds between two proofs that the kernel's events reach us, and how long one may take. An event comes within
# milliseconds; five seconds are a machine under great load.
CANARY_S = 60.0
CANARY_WAIT_S = 5.0

# Seconds between two sweeps of every inbox. Events are only a hint; the sweep is the truth.
SWEEP_S = 5.0

# SFTP: connections that have not logged in yet, in all and from one address. Two hundred idle sockets from one
# place must not keep the others out; a customer behind one address rarely opens more than this at once.
SFTP_STRANGERS_MAX = 20
SFTP_STRANGERS_PER_ADDRESS_MAX = 5

# Keys a client may offer before it is sent away. OpenSSH's client offers every key of the agent in turn, and its
# server allows 6; a key cannot be guessed, so a smaller number would only lock out people with several keys.
SFTP_LOGIN_ATTEMPTS_MAX = 6

# Seconds from the connection to the first open SFTP session, and of silence after that.
SFTP_LOGIN_S = 30.0
SFTP_IDLE_S = 900.0

# Sessions of one customer at a time, and open files of one session: a client that transfers in parallel uses 2 to 4.
SFTP_SESSIONS_PER_CUSTOMER_MAX = 4
SFTP_HANDLES_MAX = 64

# One upload: about 20 million records of 200 bytes. A client that seeks to a terabyte is refused there.
SFTP_UPLOAD_BYTES_MAX = 4 * 1024**3

# Uploads stop when the disk has less than this left: the engine must still be able to answer what it has.
SFTP_FREE_BYTES_MIN = 64 * 1024**2

# Above this many bytes a file gets a batch of its own and its requests are stored chunk by chunk; 256 requests of
# 200 to 1,000 bytes are less.
LARGE_FILE_BYTES = 256 * 1024

# Seconds after which what is half-way is said not to go on: a delivery, a batch, a file that no row knows yet. The
# largest file that is taken is worked through in less.
RECONCILE_STALE_S = 3600

# Arrivals that are reconciled together, as tables in memory: 500 small ones have at most 128,000 rows, which the
# database sums up before we see them.
RECONCILE_ARRIVALS = 500

# Findings of one code that a report spells out; the rest is counted. Nobody reads more, and a system with a million
# of them must still be able to say so.
RECONCILE_FINDINGS_MAX = 100

# Days at least between an arrival's end and its purge. Originals are archived by month and content, and a purge must
# not meet a file of the same month that is just being archived: after 32 days that month is over.
PURGE_DAYS_MIN = 32

# Chunks that a purge empties in one transaction: about 6 MB of pages set free, some 20 ms.
PURGE_CHUNKS = 16

# Pages of 16 kB that SQLite gives back in one step, and the pause after it in which the engine gets its turn.
VACUUM_PAGES = 64
VACUUM_PAUSE_S = 0.01


# What `cominflow doctor` calls too much or too little. Seconds that a thing may wait before something must be wrong: a
# sweep comes every five seconds; the largest file is read in minutes; a failing step is tried again after a quarter of
# an hour at most; a provider may have a bad day; a person looks every day, and answers within a week.
INBOX_WAIT_S_MAX = 300
READING_S_MAX = 3_600
DELIVERY_WAIT_S_MAX = 3_600
PROVIDER_WAIT_S_MAX = 86_400
PERSON_WAIT_S_MAX = 86_400
OPEN_S_MAX = 7 * 86_400
ENGINE_SILENT_S_MAX = 60
LEFTOVER_S_MAX = 86_400

# Space that the largest upload and its answer need beside each other, and names for a day of small files.
FREE_BYTES_WANTED = 10 * 1024**3
FREE_INODES_MIN, FREE_INODES_WANTED = 1_000, 100_000

# Descriptors: 64 for each of some sessions, a batch of 256 leased files, databases. It is the usual soft limit.
OPEN_FILES_MIN = 1_024

# Two watches for each customer's inbox; a process that watches has two queues.
WATCHES_PER_CUSTOMER, WATCH_QUEUES_MIN = 2, 4

# Seconds that two clocks (ours, the disk's, the database's) may differ: a commit may take that long.
CLOCK_S_MAX = 5.0

# Originals that are hashed again without --deep: some seconds at the most.
ORIGINALS_SAMPLED, ORIGINALS_SAMPLED_BYTES = 20, 256 * 1024**2

# A log of SQLite that grew beyond this is not taken into the database: some reader has stood still.
WAL_BYTES_MAX = 1024**3

# Requests that go to an HTTP service in one call: a call that fails is bisected, and ten more calls find the request
# that is to blame among a thousand.
HTTP_BATCH_MAX = 1_000

# Seconds that one call may be given, and times that it is repeated: longer or more often, and a service that is away
# keeps a workflow's thread for an hour before its files wait in order.
HTTP_WAIT_S_MAX = 600
HTTP_RETRIES_MAX = 10

# Seconds between two tries of a call: the first wait is at most this, doubled each time up to the second figure (each
# drawn from zero on, so that many who failed together do not come back together).
HTTP_BACKOFF_S = 0.5
HTTP_BACKOFF_S_MAX = 30.0

# A server's Retry-After up to this is waited for; above, the requests wait in the batch, which holds no thread.
HTTP_RETRY_AFTER_S_MAX = 60.0

# Bytes of an HTTP answer: a thousand requests of 16 kB. More is no answer to what was asked.
HTTP_ANSWER_BYTES_MAX = 16 * 1024**2

# Calls in a row that may fail before a service counts as down, besides those that bisecting one batch takes.
HTTP_FAILURES_IN_A_ROW_MAX = 3

# Requests that a service may refuse, one by one, before it has answered a single one: then the settings are wrong.
HTTP_REFUSALS_MAX = 20

# Requests that a slow provider is asked for between two stores: a kill, a pause or a stop costs so many at most.
SLOW_PROVIDER_REQUESTS = 500

# Seconds that a provider's code may take for one portion, where it does not keep a time of its own: a query over
# millions of rows ends within it; what does not has hung.
PROVIDER_S_MAX = 3600.0

# Bytes of what a program wrote as its answer, and of its standard error that are kept (the last ones).
COMMAND_OUTPUT_BYTES_MAX = 256 * 1024**2
COMMAND_STDERR_BYTES_MAX = 64 * 1024
