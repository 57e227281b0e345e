/// The calls that change page tables, descriptor tables and memory. Xen `xen/arch/x86/mm.c`, `xen/common/memory.c`.
extension XenPVComputer {
  func mmuUpdate(_ call: HypercallArguments) throws(Errno) -> Int64 { throw .ENOSYS }
  func setGDT(_ call: HypercallArguments) throws(Errno) -> Int64 { throw .ENOSYS }
  func updateDescriptor(_ call: HypercallArguments) throws(Errno) -> Int64 { throw .ENOSYS }
  func memoryOp(_ call: HypercallArguments) throws(Errno) -> Int64 { throw .ENOSYS }
  func updateVAMapping(_ call: HypercallArguments) throws(Errno) -> Int64 { throw .ENOSYS }
  func updateVAMappingOtherdomain(_ call: HypercallArguments) throws(Errno) -> Int64 { throw .ENOSYS }
  func mmuextOp(_ call: HypercallArguments) throws(Errno) -> Int64 { throw .ENOSYS }

  /// fixup_page_fault: whether the hypervisor made the fault good.
  func fixUpPageFault(_ errorCode: UInt32, address: UInt64) -> Bool { false }
}
