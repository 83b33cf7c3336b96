"""How the bytes of a file stand for letters: UTF-8, UTF-16, or an older encoding that makes its header readable."""

import codecs
import io
import re
from collections.abc import Callable
from itertools import islice
from typing import IO

from optimizer.errors import UnknownEncoding
from optimizer.market.formats.columns import N_LINES, n_known_columns

UTF8 = "UTF-8"
#: Encodings of older programs, with one byte for a letter (Western and Central European, Cyrillic, Turkish) and with
#: two (Korean, Japanese, Chinese of Taiwan and of the mainland). Of several that make the same columns readable the
#: first is taken.
_SINGLE, _DOUBLE = ("cp1252", "cp1250", "cp1251", "cp1254"), ("cp949", "shift_jis", "cp950", "gb18030")
_LONE = re.compile(rb"(?<![\x80-\xff])[\x80-\xff](?![\x80-\xff])")
_HIGH = re.compile(rb"[\x80-\xff]")
#: The mark of UTF-32 begins with that of UTF-16.
_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF8: UTF8,
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
_CHUNK = 1 << 20

Opener = Callable[[], IO[bytes]]


def encoding_of(word: str) -> str:
    """Name of the encoding called `word`. Raises UnknownEncoding."""
    try:
        name = codecs.lookup(word).name
    except LookupError as error:
        raise UnknownEncoding.of(word, ("utf-8", "utf-16", *_SINGLE, *_DOUBLE)) from error
    return UTF8 if name in ("utf-8", "utf-8-sig") else name


def find_encoding(opened: Opener) -> str:
    """Encoding of a file, or an empty text if it is none that is known."""
    with opened() as file:
        start = file.read(4)
    marked = next((name for mark, name in _MARKS.items() if start.startswith(mark)), "")
    if marked:
        return marked
    if start[1:2] == b"\0" or start[:1] == b"\0":
        return "utf-16-le" if start[1:2] == b"\0" else "utf-16-be"
    return UTF8 if is_written_in(opened, UTF8) else _older(opened)


def is_written_in(opened: Opener, encoding: str) -> bool:
    """True if all bytes of a file are letters of an encoding."""
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with opened() as file:
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _older(opened: Opener) -> str:
    """The older encoding that makes most columns readable."""
    with opened() as file:
        start = file.read(_CHUNK)
    is_single = 2 * len(_LONE.findall(start)) > len(_HIGH.findall(start))
    names = (*_SINGLE, *_DOUBLE) if is_single else (*_DOUBLE, *_SINGLE)
    fitting = [name for name in names if is_written_in(opened, name)]
    return max(fitting, key=lambda name: _n_readable(opened, name), default="")


def _n_readable(opened: Opener, encoding: str) -> int:
    """Number of columns whose names are known, in the best of the first lines."""
    with opened() as file, decoded(file, encoding) as lines:
        return n_known_columns(list(islice(lines, N_LINES)))


def decoded(file: IO[bytes], encoding: str) -> IO[str]:
    """A file of bytes as text, with plain line ends."""
    return io.TextIOWrapper(file, encoding="utf-8-sig" if encoding == UTF8 else encoding)
