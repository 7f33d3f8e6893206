"""Words, lines, list items, fences, phrases, sentences and languages."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_llmbench.verifiers import text
from pytest_llmbench.verifiers.languages import language_of
from pytest_llmbench.verifiers.sentences import sentences

ANY_TEXT = st.text(alphabet=st.characters(codec=None), max_size=200) | st.text(
    alphabet="-*_`~#>|.!?\"' \n\t1a\u00a0\u2026\ud800\x00", max_size=60
)


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("one two three", 3),
        ("a well-known fact", 3),
        ("don't stop", 2),
        ("rain\u2014heavy rain -- fell", 4),
        ("- one\n- two", 2),
        ("1. one\n2) two", 2),
        ("**one** *two* `three` _four_", 4),
        ("## Heading\n\ntext", 2),
        ("one \u2013 two & three ...", 3),
        ("one\u00a0two\u202fthree", 3),
        ("12 euros, 3.50", 3),
        ("> quoted words", 2),
        ("snake_case stays one", 3),
        ("***\n---\n", 0),
        ("", 0),
    ],
)
def test_words_are_counted_as_people_count_them(written: str, wanted: int) -> None:
    """Hyphens and apostrophes join, dashes separate, marks are no words."""
    assert len(text.words(text.tidy(written))) == wanted


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("One. Two! Three?", 3),
        ("Dr. Hale paid 3.50 euros. He left.", 2),
        ("J. K. Moss wrote it. It sold well.", 2),
        ("She lives in the U.S. The end.", 2),
        ("Take fruit, e.g. Braeburn apples, or nuts, i.e. almonds.", 1),
        ("Wait... what? No!", 2),
        ("She waited\u2026 Then it came.", 2),
        ('"Stop!" he said. "Why?" she asked.', 2),
        ("(He left.) She stayed.", 2),
        ("so it is. and so it was.", 2),
        ("it runs, e.g. the old one. yes.", 2),
        ("no final mark", 1),
        ("One line\nruns on here. Two.", 2),
        ("A heading\n\nA sentence.", 2),
        ("- one item\n- another item", 2),
        ("**Bold end.** Next one.", 2),
        ("Visit example.com today. Then read file.txt now.", 2),
        ("So did I. Then we left.", 2),
        ("Really?! Yes.", 2),
        ("...", 0),
        ("", 0),
    ],
)
def test_sentences_end_where_the_rule_says(written: str, wanted: int) -> None:
    """Abbreviations, decimals, ellipses and quotes do not mislead it."""
    assert len(sentences(text.tidy(written))) == wanted


def test_fences_are_read_with_parity() -> None:
    """A bare fence closes, a tagged one inside a block does not open another."""
    found = text.fences("a\n```json\n{}\n```\nb\n~~~\n```\n~~~\n```\nopen")
    assert [(block.tag, block.body, block.closed) for block in found] == [
        ("json", "{}", True),
        ("", "```", True),
        ("", "open", False),
    ]


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("```\nall of it\n```", "all of it"),
        ("\n```markdown\n- a\n  - b\n```\n", "- a\n  - b"),
        ("```\na\n```\nb", "```\na\n```\nb"),
        ("```\nnever closed", "```\nnever closed"),
        ("plain", "plain"),
    ],
)
def test_only_a_fence_around_everything_is_taken_off(written: str, wanted: str) -> None:
    """A part of the answer in a fence stays as it is."""
    assert text.unfence(written) == wanted


def test_list_items_have_levels_and_marks() -> None:
    """Tabs, one space and four spaces all indent; a blank line between items changes nothing."""
    items = text.list_items("1. a\n\t- b\n\n10) c\n - d\n     more\n    * e\nend")
    assert [(item.text, item.level, item.numbered) for item in items] == [
        ("a", 1, True),
        ("b", 2, False),
        ("c", 1, True),
        ("d more", 2, False),
        ("e", 3, False),
    ]


@pytest.mark.parametrize("row", ["*emphasis* first", "-5 degrees", "* * *", "---", "1843. A year", "1.5 litres"])
def test_what_only_looks_like_a_list_mark_is_none(row: str) -> None:
    """Emphasis, signs, rules, years and decimals begin no list item."""
    assert text.item_mark(row) is None


@pytest.mark.parametrize(
    ("where", "phrase", "within", "wanted"),
    [
        ("The CAT sat; cats sit.", "cat", False, 1),
        ("A waterproof coat", "water", False, 0),
        ("A waterproof coat", "water", True, 1),
        ("in 112 days", "12", False, 0),
        ("12.5 or 3,12 or 9:12", "12", False, 0),
        ("exactly 12.", "12", False, 1),
        ("hot\n**water** and hot-water", "hot water", False, 1),
        ("M\u00e1rta Kov\u00e1cs's letter", "Marta Kovacs", False, 1),
        ("text", " ", False, 0),
    ],
)
def test_phrases_are_whole_words(where: str, phrase: str, within: bool, wanted: int) -> None:  # noqa: FBT001
    """Case, accents and emphasis do not matter, the ends of words and numbers do."""
    assert text.phrase_count(where, phrase, within=within) == wanted


def test_tidy_makes_typography_plain() -> None:
    """Quotes, spaces, hyphens, invisible characters and composed accents become the plain ones."""
    assert text.tidy("\ufeff\u201cA\u00a0b\u2011c\u201d\r\nit\u2019s e\u0301\u200b ") == '"A b-c"\nit\'s \u00e9'


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("The caf\u00e9s of M\u00e1laga serve na\u00efve guests and their r\u00e9sum\u00e9s.", "English"),
        ("ada's and babbage's and somerville's notes were kept by the earl's heirs.", "English"),
        ("Les abeilles produisent du miel. Elles vivent dans une ruche.", "French"),
        ("Die Bienen machen Honig. Sie wohnen in einem Stock.", "German"),
        ("Las abejas hacen miel. Viven en una colmena.", "Spanish"),
        ("Le api fanno il miele con il nettare. Vivono in un alveare nel bosco.", "Italian"),
        ("As abelhas produzem mel. Elas vivem numa colmeia.", "Portuguese"),
        ("Bijen maken honing. Zij wonen in een korf.", "Dutch"),
        ("miel ruche abeille", ""),
        ("", ""),
    ],
)
def test_language_is_told_by_function_words(written: str, wanted: str) -> None:
    """Accents in English and Latin letters in French mislead nobody."""
    assert language_of(written) == wanted


@settings(max_examples=150, deadline=None)
@given(ANY_TEXT)
def test_every_reader_survives_any_text(written: str) -> None:
    """No text raises, and tidying twice is tidying once."""
    tidied = text.tidy(written)
    assert text.tidy(tidied) == tidied
    for reader in (text.words, text.lines, text.paragraphs, text.list_items, text.fences, text.unfence, sentences):
        reader(tidied)
    language_of(tidied)
    text.phrase_count(tidied, "a-1")
