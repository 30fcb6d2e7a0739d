/**
 * Gives the memory of some bytes back at once, and does not leave it to the garbage collector, which in Chromium lets 100 MB of
 * downloaded pieces gather before it comes by. A message takes its buffers along, and one to a port whose other end is closed is dropped on
 * the spot. (`ArrayBuffer.prototype.transfer` frees nothing that came from the browser, as Chromium 156 holds it a second time,
 * and only hides it from the collector.)
 *
 * Measured in Chromium 156, 600 MB by `fetch` in ranges of 2 MiB, six at a time: 104 MB above an idle worker without this, 18 MB with it.
 *
 * @param view - a typed array; nobody may use it, or others of its buffer, afterwards. One that is a part of its buffer stays as it is.
 */
export function release({ buffer, byteLength }: ArrayBufferView): void {
  if (!byteLength || byteLength < buffer.byteLength || !(buffer instanceof ArrayBuffer)) return;
  if (!nowhere) {
    const { port1, port2 } = new MessageChannel();
    port2.close();
    nowhere = port1;
  }
  nowhere.postMessage(null, [buffer]);
}

let nowhere: MessagePort | undefined;
