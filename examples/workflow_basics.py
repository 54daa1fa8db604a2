"""Graphs of the method itself, of the node that does all of it, and of films."""

from __future__ import annotations

from workflow_parts import Graph


def basic() -> Graph:
    """Every step of the method once."""
    graph = Graph(
        "adain-basic",
        "## AdaIN step by step\n\n"
        "The content keeps its shapes and takes the colours and strokes of the style.\n\n"
        "- **alpha** of *AdaIN*: strength of the style. Changing it re-runs only AdaIN and what "
        "follows.\n"
        "- **shorter_side** of *Encode style*: size of the strokes. A larger style picture gives "
        "larger strokes; 0 takes it as it is.\n"
        "- Replace *Content* and *Style* by **Load Image** for pictures of your own. The result "
        "has the content's size.",
    )
    start = graph.column("Model and pictures")
    model = start.add("AdaINModelLoader")
    content = start.picture("content-pavilion.jpg", "Content")
    style = start.picture("style-swirls.jpg", "Style")
    encode = graph.column("Encode")
    content_features = encode.add(
        "AdaINEncode", "Encode content", row=1, model=model, image=content
    )
    style_features = encode.add(
        "AdaINEncode", "Encode style", model=model, image=style, shorter_side=512
    )
    statistics = encode.add("AdaINStyle", features=style_features)
    transfer = graph.column("AdaIN and decode")
    styled = transfer.add("AdaINTransfer", row=1, content=content_features, style=statistics)
    image = transfer.add("AdaINDecode", model=model, features=styled)
    graph.results = [graph.column("Result").save(image, row=1)]
    graph.insets = [content, style]
    return graph


def alpha() -> Graph:
    """One encoding, three strengths."""
    graph = Graph(
        "adain-alpha",
        "## Three strengths\n\n"
        "Content and style are encoded once; each branch applies the style with another "
        "**alpha**.\n\n"
        "- 0 reproduces the content, 1 is the full style.\n"
        "- Turn one **alpha** and run again: only its branch is computed anew.\n"
        "- For portraits, 0.5 to 0.7 keeps the face.",
    )
    start = graph.column("Model and pictures")
    model = start.add("AdaINModelLoader")
    content = start.picture("content-cat.jpg", "Content", row=2)
    style = start.picture("style-poppies.jpg", "Style", row=4)
    encode = graph.column("Encode once")
    content_features = encode.add(
        "AdaINEncode", "Encode content", row=2, model=model, image=content
    )
    style_features = encode.add(
        "AdaINEncode", "Encode style", row=4, model=model, image=style, shorter_side=512
    )
    statistics = encode.add("AdaINStyle", features=style_features)
    transfer = graph.column("AdaIN and decode")
    results = graph.column("Results")
    for index, strength in enumerate((0.3, 0.6, 1.0)):
        label = f"alpha {strength}"
        styled = transfer.add(
            "AdaINTransfer",
            f"AdaIN, {label}",
            content=content_features,
            style=statistics,
            alpha=strength,
        )
        image = transfer.add("AdaINDecode", f"Decode, {label}", model=model, features=styled)
        graph.results.append(results.save(image, f"Result, {label}", row=2 * index))
    return graph


def image_nodes() -> Graph:
    """Together with ComfyUI's own image nodes."""
    graph = Graph(
        "adain-image-nodes",
        "## With other image nodes\n\n"
        "What comes in and out are ordinary images, so any image node fits before and after.\n\n"
        "- *Scale Image to Total Pixels*: size of the result.\n"
        "- *Image Crop*: the part of the style picture to imitate, here the sun. A detail gives "
        "coarser strokes.\n"
        "- *Image Blend* lays some of the photograph's light over the result: **blend_factor**.\n"
        "- *Image Sharpen* brings out the edges: **alpha**.",
    )
    start = graph.column("Model and pictures")
    model = start.add("AdaINModelLoader")
    content = start.picture("content-coffee.jpg", "Content")
    style = start.picture("style-woodcut.jpg", "Style")
    prepare = graph.column("Prepare and encode")
    scaled = prepare.add(
        "ImageScaleToTotalPixels", image=content, upscale_method="lanczos", megapixels=0.5
    )
    content_features = prepare.add("AdaINEncode", "Encode content", model=model, image=scaled)
    detail = prepare.add("ImageCrop", image=style, width=352, height=352, x=128, y=24)
    style_features = prepare.add(
        "AdaINEncode", "Encode style", model=model, image=detail, shorter_side=512
    )
    transfer = graph.column("AdaIN and decode")
    statistics = transfer.add("AdaINStyle", features=style_features)
    styled = transfer.add("AdaINTransfer", content=content_features, style=statistics)
    image = transfer.add("AdaINDecode", row=3, model=model, features=styled)
    finish = graph.column("Finish")
    lit = finish.add(
        "ImageBlend", image1=image, image2=scaled, blend_factor=0.35, blend_mode="soft_light"
    )
    sharpened = finish.add("ImageSharpen", image=lit, sharpen_radius=1, sigma=1.0, alpha=0.5)
    results = graph.column("Before and after")
    results.add("PreviewImage", "Before finishing", picture_height=300, images=image)
    graph.results = [results.save(sharpened, "Finished", row=2)]
    graph.insets = [content, style]
    return graph


def stylize() -> Graph:
    """The whole graph in one node."""
    graph = Graph(
        "adain-stylize",
        "## Everything in one node\n\n"
        "*AdaIN Stylize* encodes, applies AdaIN and decodes. It takes a picture or the frames of "
        "a film, which it streams one by one.\n\n"
        "- **alpha**: strength. **style_size**: size of the strokes. **content_size**: size of the "
        "result, 0 keeps the content's.\n"
        "- The **mask** says where: here the background. Unlink it to stylise all of the "
        "picture.\n"
        "- What is masked out still passes through the decoder; *Image Composite Masked* puts the "
        "original pixels back.",
    )
    start = graph.column("Model and pictures")
    model = start.add("AdaINModelLoader")
    content = start.picture("content-astronaut.jpg", "Content")
    mask = start.picture("mask-astronaut-person.png", "Mask of the person")
    style = start.picture("style-poppies.jpg", "Style")
    stylise = graph.column("Stylise the background")
    rest = stylise.add("InvertMask", "Mask of the background", row=0, mask=mask["mask"])
    image = stylise.add("AdaINStylize", model=model, content=content, style_image=style, mask=rest)
    finish = graph.column("Put the person back")
    composite = finish.add(
        "ImageCompositeMasked", destination=image, source=content, mask=mask["mask"]
    )
    graph.results = [graph.column("Result").save(composite)]
    graph.insets = [content, style]
    return graph


def film() -> Graph:
    """Frames, streamed."""
    graph = Graph(
        "adain-film",
        "## A film\n\n"
        "Eight frames that pan over a photograph, stylised one after the other.\n\n"
        "- Each *Image Crop* shifts what comes before it: the frames double from column to "
        "column. In their place, link the frames of a film of your own.\n"
        "- **frame_statistics**: *shared* measures the content over all frames, which flickers "
        "least unless the light on all of it changes; *smoothed* follows slow changes; *per_frame* "
        "takes each frame as a picture.\n"
        "- **smoothing**: how slowly *smoothed* follows.\n"
        "- **content_size**: size of the result.",
    )
    start = graph.column("Model and pictures")
    model = start.add("AdaINModelLoader")
    frames = start.picture("content-pavilion.jpg", "Content")
    style = start.picture("style-pointillism.jpg", "Style", row=4)
    width, height, shift = 640, 424, 16
    for count in (2, 4, 8):
        column = graph.column(f"{count} frames")
        offset = count // 2 * shift
        width -= offset
        before, after = (
            column.add("ImageCrop", title, row=row, image=frames, width=width, height=height, x=x)
            for title, row, x in (("Before", 1, 0), (f"{offset} px on", 3, offset))
        )
        frames = column.add("ImageBatch", f"{count} frames", row=2, image1=before, image2=after)
    stylise = graph.column("Stylise")
    result = stylise.add(
        "AdaINStylize",
        row=1,
        model=model,
        content=frames,
        style_image=style,
        content_size=320,
        frame_statistics="shared",
    )
    graph.results = [
        graph.column("Result").add(
            "SaveAnimatedWEBP",
            "Save film",
            row=1,
            picture_height=300,
            images=result,
            filename_prefix="AdaIN",
            fps=8.0,
            lossless=False,
            quality=90,
        )
    ]
    graph.insets = [style]
    return graph
