"""Custom processors in Python: the interface of `allspark`, served by Sluice. See README.md beside this package."""
from .messages import Headers
from .processor import BaseProcessor, Properties, default_properties, progress

__all__ = ["BaseProcessor", "Headers", "Properties", "default_properties", "progress"]
