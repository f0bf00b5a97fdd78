// What goes to the kernel and comes from it.

// A closed connection throws; whatever matters is sent again, and the gallery says that it is lost.
export function sendTo(model, message, buffers = []) {
  try {
    model.send(message, undefined, buffers);
  } catch (error) {
    console.warn("anomalymatch: not sent,", error.message);
  }
}

// Tell the kernel which traits were set. Voilà lets go of it before the page has gone; then there is nobody to tell.
export function saveChanges(model) {
  if (!model.widget_manager?.kernel?.isDisposed) model.save_changes();
}

// Tells this page from others that ask the same kernel.
export const frontendName = () => Math.random().toString(36).slice(2) + Date.now().toString(36);

// A typed array of bytes from the kernel, which need not begin at a multiple of its elements' size.
export function arrayOf(Type, bytes) {
  return new Type(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}
