/// Page faults that the hypervisor makes good.
extension XenPVComputer {
  /// fixup_page_fault: whether the hypervisor made the fault good.
  func fixUpPageFault(_ errorCode: UInt32, address: UInt64) -> Bool { false }
}
