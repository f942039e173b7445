# MuJoCo's classes live in compiled modules that ship no types; to the type checker they are Any.
from typing import Any

def __getattr__(name: str) -> Any: ...
