// A picture as a data URL that fits into a frame of the chat.

/** A frame has 256 KiB; the text needs room as well. */
const MOST = 180_000;

/** Makes the picture smaller until it fits; `null` if it never does. */
export async function pictureOf(file: Blob): Promise<string | null> {
  const bitmap = await createImageBitmap(file);
  for (const side of [1568, 1024, 768, 512, 320]) {
    const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(bitmap.width * scale));
    canvas.height = Math.max(1, Math.round(bitmap.height * scale));
    canvas.getContext("2d")?.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    const address = canvas.toDataURL("image/jpeg", 0.85);
    if (address.length <= MOST) return address;
  }
  return null;
}
