"""All differences from Dovecot that are known: the rules, in the order in which they are asked."""
import explained_grammar, explained_names, explained_flags, explained_searches, explained_letters
from differences import RULES, Difference, Past, explanation, parted

MODULES = (explained_grammar, explained_names, explained_flags, explained_searches, explained_letters)
