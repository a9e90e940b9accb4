"""Limits of the engine: every maximum in one place, each with its reason."""

# Bytes read at a time. About 8,000 records of 200 bytes, measured: with a quarter of it numpy's cost per call takes
# 40 % more time, with twice as much nothing is gained.
BLOCK_BYTES = 1_664_000

# Blocks that a reading needs at a time: the one that is read, the one that is cut from it, and the one that whoever
# asked for it still holds. Their memory is used again.
BLOCKS_IN_USE = 3

# Blocks that a worker process is given at a time: one to read, and the next, so that it never waits.
WORKER_BLOCKS = 2

# Blocks for each worker that may wait for an earlier one, before the reading process waits too: it goes on while the
# system lets the worker stand for a moment.
WORKER_BLOCKS_AHEAD = 8

# Shared memory for a block's index, and for its columns, as a multiple of the block: an index of short records or
# cells takes three times their bytes, columns about as much. What does not fit is read by the reading process. Only
# pages that are used are taken from the machine; the spare is for what blocks of any size need.
WORKER_AREA_FACTOR = 4
WORKER_AREA_SPARE_BYTES = 262_144

# Longest record. A longer one (a quote that is never closed, a binary file) is one framing finding, so that memory
# is bounded whatever arrives.
RECORD_BYTES_MAX = 65_536

# Longest unit (group of records). A block never cuts a unit, so this also bounds a block.
UNIT_BYTES_MAX = 4_194_304

# Bytes of one column's cells laid out side by side (delimited): rows times the longest cell. Beyond it the block is
# cut shorter, so that one huge cell among thousands of small ones costs no memory.
COLUMN_BYTES_MAX = 4_194_304

# Examples of each (code, field) that a report keeps; the rest is counted.
EXAMPLES_MAX = 20

# Declared totals that a report keeps for each field (a tail record that comes a million times is a wrong file).
TOTALS_MAX = 100

# Bytes of a faulty value that a finding shows, and characters of its line.
SHOWN_BYTES_MAX = 120
SHOWN_LINE_MAX = 120

# Bytes of a record that are drawn under a ruler: all of any record that a contract declares; of a longer one (a file of
# another kind, a quote that is never closed) the part around what is wrong.
PICTURE_BYTES_MAX = 8_192

# Parentheses, `not` and groups within one another, in structures and expressions: reading goes a few calls deeper for
# each, and no contract needs more than three.
NESTING_MAX = 50

# Places at which a structure names records, groups written out: states are int16, and the tables grow by its square.
STRUCTURE_PLACES_MAX = 1_000

# Fields that one line of a layout may be written out to by `occurs`.
OCCURS_MAX = 1_000

# Fields that a repeated group of a copybook is written out to when it is imported; a larger table is kept as bytes.
RECORD_FIELDS_MAX = 10_000

# Bytes of a copybook or a table that is imported: the largest that people keep have some thousands of lines.
IMPORT_BYTES_MAX = 8_388_608

# Records that an automaton runs over at a time: its scratch arrays stay in the second-level cache (ten million in one
# piece run at a fifth of the speed), and numpy's cost per call has vanished.
RUN_RECORDS = 32_768

# Bytes that a writer holds back in memory, from the first record with a total on; more go to a temporary file.
HELD_BYTES_MAX = 1_048_576

# Bytes of all samples that a layout is proposed from: they lie in memory, with an index of their lines or cells, which
# takes several times as much. Above it a sample says nothing that a part of it does not.
SAMPLES_BYTES_MAX = 64_000_000

# Records and cells of all samples: each is an entry of the index.
SAMPLES_RECORDS_MAX, SAMPLES_CELLS_MAX = 2_000_000, 20_000_000

# Bytes of the records of one type that are looked at: long records are looked at in smaller numbers.
SAMPLE_BYTES_MAX = 4_000_000

# Records of one type that are looked at for boundaries and kinds; what contradicts these is counted over all. With
# twice as many the corpus and generated files give the same layouts.
SAMPLE_ROWS = 1_000

# Bytes of columns that lie in memory before they become a row group of a Parquet file: of small ones a reader has
# mostly footers to read.
CONVERTED_BYTES = 16_777_216

# Rows, and bytes of CSV, that are taken at a time when values become a file again.
TAKEN_ROWS, TAKEN_BYTES = 8_192, 4_194_304

# Longest line of JSON that is looked at: a record of the greatest length (RECORD_BYTES_MAX), each byte escaped, with
# the names of its fields, is a tenth of it.
JSON_LINE_BYTES_MAX = 16_777_216
