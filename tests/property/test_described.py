"""Any layout can be described, in both languages, and nothing of it is lost in the document."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.invented import layouts
from tracciati.describing import describe, html, pdf

if TYPE_CHECKING:
    from tracciati.layout import Layout
    from tracciati.plain import Language

LANGUAGES: st.SearchStrategy[Language] = st.sampled_from(("it", "en"))


@settings(max_examples=100)
@given(layouts(), LANGUAGES)
def test_a_page_has_every_field_with_its_place(layout: Layout, language: Language) -> None:
    document = describe(layout, language)
    page = html.page(document)
    tables = re.findall(r'<table class="fields">.*?</table>', page, re.DOTALL)
    for record, table in zip(layout.records, tables, strict=True):
        rows = [unescape(re.sub("<[^>]+>", "\n", row)).split() for row in re.findall("<tr.*?</tr>", table, re.DOTALL)]
        for number, (field, row) in enumerate(zip(record.fields, rows[1:], strict=True), 1):
            assert field.name in row
            if layout.file.kind == "fixed":
                place = f"{field.start + 1}-{field.stop}" if field.length != 1 else str(field.stop)
                assert row[:3] == [str(number), place, str(field.length)]
            else:
                assert row[0] == str(number)
            for text in [*(field.codes or {}), *(field.codes or {}).values()]:
                assert set(text.split()) <= set(row)
    assert not document.example.trouble
    assert document.example.records


@settings(max_examples=100)
@given(layouts())
def test_the_pictures_of_a_record_are_its_fields_to_scale(layout: Layout) -> None:
    document = describe(layout, "it")
    for record, described in zip(layout.records, document.records, strict=True):
        if layout.file.kind == "delimited":
            assert not described.strips
            continue
        numbers = [int(box.number) for strip in described.strips for box in strip.boxes if box.number]
        assert numbers == [number for number, field in enumerate(record.fields, 1) if field in record.apart]
        for strip in described.strips:
            ends = [(box.column, box.column + box.width) for box in strip.boxes]
            assert [begin for begin, _ in ends[1:]] == [end for _, end in ends[:-1]]
            assert strip.left_out or (ends[0][0], ends[-1][1]) == (0, strip.last - strip.first + 1)


@settings(max_examples=12)
@given(layouts(), LANGUAGES)
def test_a_pdf_is_made_and_is_the_same_again(layout: Layout, language: Language) -> None:
    made = pdf.pages(describe(layout, language))
    assert made.startswith(b"%PDF-")
    assert made == pdf.pages(describe(layout, language))
