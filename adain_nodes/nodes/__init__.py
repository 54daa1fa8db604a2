"""The ComfyUI nodes: each checks its inputs, calls the pipeline once and names its sockets.

Ids and sockets are final, and widgets are only ever appended: saved workflows refer to them by name
and by position.
"""

from ..host import surroundings
from .color import AdaINMatchColor
from .loaders import AdaINExampleImage, AdaINModelLoader, example_picture
from .losses import AdaINLosses
from .refine import AdaINRefine
from .regions import AdaINSpatialMask
from .steps import AdaINDecode, AdaINEncode, AdaINTransfer
from .style_files import AdaINLoadStyle, AdaINSaveStyle, style_picture
from .styles import AdaINInterpolateStyles, AdaINStackStyles, AdaINStyle
from .stylize import AdaINStylize
from .video import AdaINStylizeVideo

_NAMES = {
    AdaINModelLoader: "Load AdaIN Model",
    AdaINExampleImage: "Load AdaIN Example Image",
    AdaINEncode: "AdaIN Encode (VGG)",
    AdaINStyle: "AdaIN Style Statistics",
    AdaINInterpolateStyles: "AdaIN Interpolate Styles",
    AdaINStackStyles: "AdaIN Stack Styles",
    AdaINSaveStyle: "Save AdaIN Style",
    AdaINLoadStyle: "Load AdaIN Style",
    AdaINTransfer: "AdaIN",
    AdaINSpatialMask: "AdaIN Spatial Mask",
    AdaINDecode: "AdaIN Decode",
    AdaINMatchColor: "AdaIN Match Color",
    AdaINStylize: "AdaIN Stylize (Style Transfer)",
    AdaINLosses: "AdaIN Losses",
    AdaINRefine: "AdaIN Refine",
    AdaINStylizeVideo: "AdaIN Stylize Video (Style Transfer)",
}

NODE_CLASS_MAPPINGS: dict[str, type] = {node.__name__: node for node in _NAMES}

NODE_DISPLAY_NAME_MAPPINGS: dict[str, str] = {node.__name__: name for node, name in _NAMES.items()}

# What web/adain.js shows on these nodes before they run.
surroundings.current().serve("example", example_picture)
surroundings.current().serve("style", style_picture)
