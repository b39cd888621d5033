// The row of images that a trial shows: what the settings of the page say of it.

// Device pixels along each side of an image pixel.
export function pixelScaleOf({ pixelScale }) {
  return pixelScale || Math.max(1, Math.floor(window.devicePixelRatio + 1e-6));
}

// Of all images and the gaps between them, image pixels.
export function widthOfRow({ size, gap, places }) {
  return places.length * size + (places.length - 1) * gap;
}

export function cssPerImagePixel(settings) {
  return pixelScaleOf(settings) / window.devicePixelRatio;
}
