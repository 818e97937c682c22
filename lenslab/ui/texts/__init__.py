"""All words of the pages for visitors and classes, in English and German, for readers of fourteen years.

A table for each page: {language: {name: text}}. Markdown, no HTML; names in braces are filled in by the page.
"""

from lenslab.ui.texts import home, match, quiz, teachers

LANGUAGES = {"en": "English", "de": "Deutsch"}
TEXTS = {page.__name__.rpartition(".")[2]: page.TEXTS for page in (home, match, quiz, teachers)}
