"""What a card of the gallery shows, read back from the browser."""

PIXELS = """async (card) => {
    const painted = card.querySelector("canvas");
    const read = (context, width, height) => [...context.getImageData(0, 0, width, height).data];
    if (!painted.hidden) return read(painted.getContext("2d"), painted.width, painted.height);
    const image = card.querySelector(".am-image");
    // A card that is drawn anew has no size for a moment.
    for (let frame = 0; frame < 300 && !image.clientWidth; frame++) await new Promise(requestAnimationFrame);
    const side = image.clientWidth;
    const { backgroundImage, backgroundSize, backgroundPosition } = getComputedStyle(image);
    const sheet = new Image();
    sheet.src = backgroundImage.slice(5, -2);
    await sheet.decode();
    const scale = sheet.naturalWidth / parseFloat(backgroundSize);
    const [x, y] = backgroundPosition.split(" ").map((shift) => Math.round(-parseFloat(shift) * scale));
    const pixels = Math.round(side * scale);
    const context = new OffscreenCanvas(pixels, pixels).getContext("2d");
    context.drawImage(sheet, x, y, pixels, pixels, 0, 0, pixels, pixels);
    return read(context, pixels, pixels);
}"""
"""Given a card, the pixels of its image, red, green, blue and alpha of each: those of its canvas where a look
is on, else those that its background takes from the sheet."""
