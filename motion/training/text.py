"""Things to say: English words in any order, invented words, numbers in any language.

Lips do not care for meaning, so text is drawn at random: English from a list of words that holds
every sound of the language, other languages from syllables that their spelling reads as written,
and digits, which every voice speaks in real words of its own language.
"""

from __future__ import annotations

from typing import Final

import numpy as np

Random = np.random.Generator

_WORDS: Final = """
the of and to in is you that it he was for on are with as his they at be this from have or by one
had not but what all were when we there can an your which their said if do will each about how up
out them then she many some so these would other into has more her two like him see time could no
make than first been its who now people my made over did down only way find use may water long
little very after words called just where most know get through back much before go good new write
our used me man too any day same right look think also around another came come work three word
must because does part even place well such here take why things help put years different away
again off went old number great tell men say small every found still between name should home big
give air line set own under read last never us left end along while might next sound below saw
something thought both few those always looked show large often together asked house world going
want school important until form food keep children feet land side without boy once animals life
enough took sometimes four head above kind began almost live page got earth need far hand high year
mother light parts country father let night following picture being study second eyes soon times
story boys since white days ever paper hard near sentence better best across during today others
however sure means knew try told young miles sun ways thing whole hear example heard several change
answer room sea against top turned learn point city play toward five using himself usually money
body family book pumpkin bubble maybe baby mumble probably number remember member problem purple
people apple simple jump lamp camp bump pepper puppy mother movie music woman women power empty
simply perhaps happy copper cup map ship job lab rub club robe tribe team game home room time
seem farm form warm firm beautiful future view few cure pure huge use measure pleasure vision
usual garage church judge large orange bridge cheese child choice joy boy noise voice toy coin
shoe show wash fish fresh shape share special ocean nation think thank three through bath path
both mouth south this that though other brother weather father very voice five seven over love
river heavy above wave brave fever fun phone coffee laugh enough off safe wife zebra zoo lazy
crazy easy music busy does was his her size rise yellow yes young year beyond onion million
quick queen quiet question square language window winter weather away always sweet swim twenty
between twelve ring sing song long strong think thanks bank finger hungry good book look foot
cook could would should full pull put sugar food moon soon blue true new shoe two who room school
out house now down sound cloud flower hour our loud proud go no home road show slow snow boat
cold open over coat nose rose close day way say rain train name same game late great eight they
my by why fly sky light night right bright time life mind find kind high ice eye car far star
park dark heart part arm hard start bird girl word work first learn earth turn nurse hurt her
ball call fall talk walk all law saw draw thought bought caught more four door floor store hot not
got lot stop shop job box clock cat hat man hand bad bag map apple happy laugh back black bed red
head bread said friend get let yes sit big bit ship fish milk city give live sea see tree green
three he she we me people please sleep feet
""".split()

_OPEN_ONSETS: Final = [*"pbmfvtdnslrkgpbm"]
_ONSETS: Final = [*_OPEN_ONSETS, "z", "pr", "br", "pl", "bl", "tr", "st", "fl", "sm"]
_CODAS: Final = ["", "", "", *"nmpstlrbfk"]
_VOWELS: Final = [*"aeiou", *"aeiou"]

_EXTRA_VOWELS: Final = {
    "de": ["ä", "ö", "ü", "ei", "au", "eu", "ie"], "fr": ["é", "ou", "eau", "eu", "oi", "an"],
    "fi": ["ä", "ö", "y", "aa", "uu", "ie"], "tr": ["ö", "ü", "ı"], "hu": ["á", "é", "ö", "ü"],
    "cs": ["á", "í", "ů", "ou", "ě"], "pl": ["y", "ó", "ą", "ę"], "sv": ["å", "ä", "ö", "y"],
    "nl": ["ij", "oe", "eu", "ui", "aa"], "pt-br": ["ão", "é", "ô", "ei"], "et": ["õ", "ä", "ü"],
}  # fmt: skip


def english(random: Random) -> str:
    """A sentence or two of random words."""
    sentences = []
    for _ in range(random.integers(1, 3)):
        words = list(random.choice(_WORDS, random.integers(3, 12)))
        if len(words) > 6 and random.random() < 0.5:
            words[len(words) // 2] += ","
        sentences.append(
            " ".join(words).capitalize() + str(random.choice([".", ".", ".", "?", "!"]))
        )
    return " ".join(sentences)


def invented(random: Random, language: str, simple: bool = False) -> str:
    """Invented words that a voice of ``language`` reads aloud as they are spelt.

    ``simple`` words have no clusters and end in vowels.
    """
    vowels = _VOWELS + ([] if simple else _EXTRA_VOWELS.get(language, []))
    words = []
    for _ in range(random.integers(4, 12)):
        word = ""
        for _ in range(random.integers(1, 5)):
            word += str(random.choice(_OPEN_ONSETS if simple else _ONSETS))
            word += str(random.choice(vowels))
        words.append(word if simple else word + str(random.choice(_CODAS)))
    text = " ".join(words)
    return text.replace(" ", ", ", 1) + "." if random.random() < 0.4 else text + "."


def numbers(random: Random) -> str:
    """Numbers as digits."""
    count = random.integers(2, 5)
    return ", ".join(str(int(10 ** random.uniform(0.5, 5.5))) for _ in range(count)) + "."
