/// multicall: several hypercalls in one. Xen `xen/common/multicall.c`, `do_multicall`; `xen/arch/x86/pv/hypercall.c`,
/// `pv_do_multicall_call`.
///
///     struct multicall_entry { unsigned long op, result; unsigned long args[6]; }
///
/// Not modelled: that Xen leaves a multicall which its own timer falls into, whatever its length (`hypercall_preempt_check`); the guest then sees the
/// arguments of the call for the rest in RDI and RSI.
extension XenPVComputer {
  /// Calls of one stretch: then the guest makes the call again for the rest, so that time passes.
  private static let stretch: UInt64 = 512

  func multicall(_ call: HypercallArguments) throws(Errno) -> Int64 {
    // A multicall inside a multicall is refused.
    guard !isInMulticall else { throw .EINVAL }
    let (list, count) = (call.first, call.second & 0xFFFF_FFFF)
    let (bytes, overflow) = count.multipliedReportingOverflow(by: 64)
    guard !overflow, count == 0 || isAccessible(list, count: Int(bytes)) else { throw .EFAULT }
    isInMulticall = true
    defer { isInMulticall = false }
    for index in 0..<count {
      if index == Self.stretch || (index > 0 && memoryWork > Self.memoryWorkLimit) {
        continuation = HypercallArguments(number: call.number, [list &+ index * 64, count - index])
        return 0
      }
      let entry = list &+ index * 64
      let raw = try copyFromGuest(entry, count: 64)
      let inner = HypercallArguments(number: raw.field(0), (0..<6).map { raw.field(16 + $0 * 8) })
      continuation = nil
      hypercallObserver?(inner, registers.rip)
      let result = perform(inner)
      if domain.shutdown != nil { return 0 }
      if inner.number == Hypercall.iret.rawValue {
        // mc_exit: what runs next need not be the caller, so the calls behind are not made (XSA-213). The result is written where the
        // page tables of now lead, if anywhere. The guest's RAX is `rc`, an int.
        try? setGuestWord(entry &+ 8, UInt64(bitPattern: result))
        return Int64(Int32(truncatingIfNeeded: result))
      }
      if let rest = continuation {
        // The entry is rewritten so that going on with it does what is left.
        try copyToGuest(([rest.number, 0] + rest.words).flatMap(littleEndian), entry)
        continuation = HypercallArguments(number: call.number, [entry, count - index])
        return 0
      }
      try setGuestWord(entry &+ 8, UInt64(bitPattern: result))
    }
    return 0
  }
}
