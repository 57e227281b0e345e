/// Which of the events whose handlers have not returned a return ends.
enum Interruption {
  /// A handler may execute the rest of a short sequence that it interrupted, so that it gives RSP back as if that had popped a few words
  /// (Linux: `handle_interrupted_saferet`, two), or a CALL, so that RSP is one lower (Linux: `int3_emulate_call`).
  private static let pushed: UInt64 = 8
  private static let popped: UInt64 = 64

  /// Only the innermost event's handler can move RSP so: the others' frames have to lie where they were. Code that goes on where it is by an
  /// IRET (Linux: `sync_core`) ends nothing: in a handler it stands lower than what was interrupted, or on another stack.
  ///
  /// - Parameters:
  ///   - rsp: where the return has led.
  ///   - places: RSP where each of them was taken, the innermost last.
  /// - Returns: an index into `places`; nil where the return ends none.
  static func ended<Places: BidirectionalCollection<UInt64>>(byReturnTo rsp: UInt64, of places: Places) -> Places.Index?
  {
    if let index = places.lastIndex(of: rsp) { return index }
    guard let last = places.last, mayEnd(byReturnTo: rsp, at: last) else { return nil }
    return places.index(before: places.endIndex)
  }

  /// Whether the return could be that of the handler of the event that was taken there, by RSP.
  static func mayEnd(byReturnTo rsp: UInt64, at place: UInt64) -> Bool { rsp &- (place &- pushed) <= pushed + popped }
}
