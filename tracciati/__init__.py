"""tracciati: record layouts (tracciati record) declared as data; files read, checked and written by them.

    declare    a layout's TOML text -> Layout            layout     the values that a layout is made of
    structure  the order of records                      expression checks and totals

Knows nothing of databases, networks or of who sends the files.
"""
