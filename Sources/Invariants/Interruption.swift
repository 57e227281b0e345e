/// Which of the events whose handlers have not returned a return ends.
enum Interruption {
  /// A handler gives RSP back as it found it, or a word further up or down: it may make the RET or the CALL that it interrupted (Linux:
  /// `handle_interrupted_saferet`, `int3_emulate_call`). Only the innermost can, since its frame has to lie where it was.
  ///
  /// - Parameters:
  ///   - rsp: where the return has led.
  ///   - places: RSP where each of them was taken, the innermost last.
  /// - Returns: an index into `places`; nil where the return ends none, as one by which code goes on where it is (Linux: `sync_core`).
  static func ended(byReturnTo rsp: UInt64, of places: [UInt64]) -> Int? {
    if let index = places.lastIndex(of: rsp) { return index }
    guard let last = places.last, last == rsp &- 8 || last == rsp &+ 8 else { return nil }
    return places.count - 1
  }
}
