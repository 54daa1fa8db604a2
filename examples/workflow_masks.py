"""Graphs of masks: where a style goes, how strongly, and where it comes from."""

from __future__ import annotations

from workflow_parts import Graph


def strength_map() -> Graph:
    """A strength for every place."""
    graph = Graph(
        "adain-strength-map",
        "## A map of strength\n\n"
        "A grey mask gives every place an alpha of its own: none at the left, all at the right.\n\n"
        "- **left** of *Feather Mask*: width of the ramp in px, here all of it. **top** lets it "
        "run downwards.\n"
        "- **mask_statistics** is *image*: the mask says how strongly, not what belongs together.\n"
        "- **alpha** of *AdaIN* scales the whole map.\n"
        "- Any mask will do, such as a depth map or one painted in **Load Image**.",
    )
    start = graph.column("Model and pictures")
    model = start.add("AdaINModelLoader")
    content = start.picture("content-coffee.jpg", "Content")
    style = start.picture("style-wave.jpg", "Style")
    everywhere = start.add("SolidMask", "Everywhere", row=4, value=1.0, width=600, height=400)
    encode = graph.column("Encode and shade")
    content_features = encode.add(
        "AdaINEncode", "Encode content", row=1, model=model, image=content
    )
    style_features = encode.add(
        "AdaINEncode", "Encode style", model=model, image=style, shorter_side=512
    )
    statistics = encode.add("AdaINStyle", features=style_features)
    ramp = encode.add("FeatherMask", "From left to right", mask=everywhere, left=600)
    transfer = graph.column("AdaIN and decode")
    styled = transfer.add(
        "AdaINTransfer",
        row=1,
        content=content_features,
        style=statistics,
        mask=ramp,
        mask_statistics="image",
    )
    image = transfer.add("AdaINDecode", row=3, model=model, features=styled)
    shown = transfer.add("MaskToImage", row=4, mask=ramp)
    results = graph.column("Result and map")
    graph.results = [results.save(image, row=1)]
    results.add("PreviewImage", "Map of strength", row=4, picture_height=300, images=shown)
    graph.insets = [content, style]
    return graph


def two_regions() -> Graph:
    """Spatial control."""
    graph = Graph(
        "adain-two-regions",
        "## A style for each region\n\n"
        "The person gets one style, the background another; *AdaIN Spatial Mask* puts them "
        "together before the decoder, so that there is no seam.\n\n"
        "- White in a mask means here. *Invert Mask* makes the background's mask.\n"
        "- **alpha** of each *AdaIN*: strength in its region.\n"
        "- **mask_statistics**: *region* uses the full range of a style in its region, *image* "
        "keeps the regions' relative brightness.\n"
        "- **apply_mask** is off: *AdaIN Spatial Mask* applies the masks, and twice would let the "
        "photograph show through their soft edges.\n"
        "- For your own picture: **Load Image**, and its mask editor.",
    )
    start = graph.column("Model and pictures")
    model = start.add("AdaINModelLoader")
    content = start.picture("content-astronaut.jpg", "Content")
    mask = start.picture("mask-astronaut-person.png", "Mask of the person")
    person = start.picture("style-mosaic.jpg", "Style of the person")
    background = start.picture("style-wave.jpg", "Style of the background")
    encode = graph.column("Encode and mask")
    content_features = encode.add(
        "AdaINEncode", "Encode content", row=1, model=model, image=content
    )
    rest = encode.add("InvertMask", "Mask of the background", mask=mask["mask"])
    person_features = encode.add(
        "AdaINEncode", "Encode person's style", model=model, image=person, shorter_side=512
    )
    background_features = encode.add(
        "AdaINEncode", "Encode background's style", model=model, image=background, shorter_side=512
    )
    transfer = graph.column("AdaIN for each region")
    person_style = transfer.add("AdaINStyle", "Person's style", features=person_features)
    styled_person = transfer.add(
        "AdaINTransfer",
        "AdaIN, person",
        content=content_features,
        style=person_style,
        mask=mask["mask"],
        apply_mask=False,
    )
    background_style = transfer.add(
        "AdaINStyle", "Background's style", row=3, features=background_features
    )
    styled_background = transfer.add(
        "AdaINTransfer",
        "AdaIN, background",
        content=content_features,
        style=background_style,
        mask=rest,
        apply_mask=False,
    )
    compose = graph.column("Put together and decode")
    composed = compose.add(
        "AdaINSpatialMask",
        row=1,
        features_1=styled_person,
        mask_1=mask["mask"],
        features_2=styled_background,
        mask_2=rest,
        outside=content_features,
    )
    image = compose.add("AdaINDecode", row=3, model=model, features=composed)
    graph.results = [graph.column("Result").save(image, row=1)]
    graph.insets = [content, person, background]
    return graph


def three_regions() -> Graph:
    """Spatial control with soft masks that core nodes make of one."""
    graph = Graph(
        "adain-three-regions",
        "## Three regions\n\n"
        "The person has one style; behind, a second fades into a third.\n\n"
        "- *Mask Composite* splits the background's mask along a ramp. The three masks add up to "
        "1 everywhere, so **outside** shows nowhere.\n"
        "- **left** of *Feather Mask*: width of the ramp; 1 makes a hard seam.\n"
        "- *AdaIN Spatial Mask* takes four regions; chain it over **outside** for more.\n"
        "- Masks may overlap, too: then the regions share.",
    )
    start = graph.column("Model and pictures")
    model = start.add("AdaINModelLoader")
    content = start.picture("content-astronaut.jpg", "Content")
    person = start.picture("mask-astronaut-person.png", "Mask of the person")
    everywhere = start.add("SolidMask", "Everywhere", value=1.0, width=512, height=512)
    places = {"person": "mosaic", "left": "poppies", "right": "swirls"}
    pictures = [
        start.picture(f"style-{name}.jpg", f"Style, {place}") for place, name in places.items()
    ]
    encode = graph.column("Encode, masks")
    content_features = encode.add(
        "AdaINEncode", "Encode content", row=1, model=model, image=content
    )
    background = encode.add("InvertMask", "Background", mask=person["mask"])
    ramp = encode.add("FeatherMask", "From left to right", mask=everywhere, left=512)
    features = [
        encode.add("AdaINEncode", f"Encode {place}", model=model, image=picture, shorter_side=512)
        for place, picture in zip(places, pictures, strict=True)
    ]
    measure = graph.column("Styles, masks")
    right = measure.add("MaskComposite", "Mask, right", row=2, destination=background, source=ramp)
    left = measure.add(
        "MaskComposite",
        "Mask, left",
        row=3,
        destination=background,
        source=right,
        operation="subtract",
    )
    styles = [
        measure.add("AdaINStyle", f"Style statistics, {place}", features=each)
        for place, each in zip(places, features, strict=True)
    ]
    transfer = graph.column("AdaIN for each region")
    masks = (person["mask"], left, right)
    regions = [
        transfer.add(
            "AdaINTransfer",
            f"AdaIN, {place}",
            row=row,
            content=content_features,
            style=style,
            mask=mask,
            apply_mask=False,
        )
        for place, row, style, mask in zip(places, (2, 4, 6), styles, masks, strict=True)
    ]
    compose = graph.column("Put together and decode")
    composed = compose.add(
        "AdaINSpatialMask",
        row=2,
        features_1=regions[0],
        mask_1=masks[0],
        features_2=regions[1],
        mask_2=masks[1],
        features_3=regions[2],
        mask_3=masks[2],
        outside=content_features,
    )
    image = compose.add("AdaINDecode", row=4, model=model, features=composed)
    graph.results = [graph.column("Result").save(image, row=2)]
    graph.insets = [content, *pictures]
    return graph


def style_mask() -> Graph:
    """Two styles from one picture."""
    graph = Graph(
        "adain-style-mask",
        "## Part of a style picture\n\n"
        "One style picture gives two styles: that of its sky, and that of its sea.\n\n"
        "- **mask** of *AdaIN Style Statistics*: where in the style picture to measure; white is "
        "here.\n"
        "- *Sky* is a white strip, 512x150 px, that *Mask Composite* lays over a black mask: "
        "change **height**, **x** and **y**.\n"
        "- For your own picture: **Load Image**, and its mask editor.",
    )
    start = graph.column("Model and pictures")
    model = start.add("AdaINModelLoader")
    content = start.picture("content-pavilion.jpg", "Content")
    style = start.picture("style-wave.jpg", "Style")
    nowhere = start.add("SolidMask", "Nowhere", value=0.0, width=512, height=512)
    strip = start.add("SolidMask", "Sky", value=1.0, width=512, height=150)
    encode = graph.column("Encode, mask")
    content_features = encode.add(
        "AdaINEncode", "Encode content", row=1, model=model, image=content
    )
    style_features = encode.add(
        "AdaINEncode", "Encode style", model=model, image=style, shorter_side=512
    )
    sky = encode.add(
        "MaskComposite", "Mask of the sky", destination=nowhere, source=strip, operation="add"
    )
    sea = encode.add("InvertMask", "Mask of the sea", mask=sky)
    measure = graph.column("Style statistics")
    transfer = graph.column("AdaIN and decode")
    results = graph.column("Results")
    for place, row, mask in (("sky", 1, sky), ("sea", 3, sea)):
        statistics = measure.add(
            "AdaINStyle", f"Style of the {place}", row=row, features=style_features, mask=mask
        )
        styled = transfer.add(
            "AdaINTransfer", f"AdaIN, {place}", row=row, content=content_features, style=statistics
        )
        image = transfer.add("AdaINDecode", f"Decode, {place}", model=model, features=styled)
        graph.results.append(results.save(image, f"In the style of the {place}", row=row))
    graph.insets = [content, style]
    return graph
