/// What other parts give the calls of this folder.
extension XenPVComputer {
  /// XenStore's end of its ring.
  func serveXenStore() {}
}
