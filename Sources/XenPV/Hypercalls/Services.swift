/// What other parts give the calls of this folder.
extension XenPVComputer {
  /// get_page_type of a writable page of the domain, and a reference to it.
  func holdWritableFrame(_ frame: UInt64) -> Bool { domain.map.isDomainFrame(frame) }
  func releaseWritableFrame(_ frame: UInt64) {}

  /// XenStore's end of its ring.
  func serveXenStore() {}

  func grantTableOp(_ call: HypercallArguments) throws(Errno) -> Int64 { throw .ENOSYS }

  /// new_guest_cr3.
  func switchPageTables(to frame: UInt64) -> Bool { false }

  /// The MSR by which a guest asks for a hypercall page.
  func writeHypercallPage(_ value: UInt64) -> Bool { false }
}
