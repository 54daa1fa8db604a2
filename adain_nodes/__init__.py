"""Arbitrary style transfer with adaptive instance normalisation (Huang and Belongie, ICCV 2017).

- `pipeline`: encode, take statistics, apply AdaIN, decode; pictures in, pictures out.
- `model`: loads an encoder and a decoder. `image_files`: reads and writes pictures.
- `ops`: the mathematics, each function with its equation. `networks`: VGG and its mirror.
- `weights`: where weights come from. `training`: how decoders are made.
- `nodes`: the ComfyUI nodes. `cli`: the command `adain-nodes`.

Nothing is imported here, so that a part costs no more than itself.
"""
