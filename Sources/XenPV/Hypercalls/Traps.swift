/// How the guest registers its entry points: set_trap_table, callback_op, set_callbacks, nmi_op.
///
/// Xen `xen/arch/x86/pv/callback.c`.
extension XenPVComputer {
  /// is_canonical_address.
  static func isCanonical(_ address: UInt64) -> Bool {
    UInt64(bitPattern: Int64(bitPattern: address << 16) >> 16) == address
  }

  /// The list ends at an entry with address zero; a null list clears the table.
  func setTrapTable(_ call: HypercallArguments) throws(Errno) -> Int64 {
    if call.first == 0 {
      domain.vcpu.traps = [TrapInfo](repeating: TrapInfo(), count: 256)
      return 0
    }
    var at = call.first
    // No table has more entries than vectors that matter; a guest may repeat them, and is given a bound.
    for _ in 0..<4096 {
      let raw = try copyFromGuest(at, count: 16)
      let address: UInt64 = raw.field(8)
      if address == 0 { return 0 }
      guard Self.isCanonical(address) else { throw .EINVAL }
      let selector: UInt16 = raw.field(2)
      domain.vcpu.traps[Int(raw[0])] = TrapInfo(address: address, cs: selector | 3, flags: raw[1])
      at &+= 16
    }
    continuation = HypercallArguments(number: call.number, [at])
    return 0
  }

  /// CALLBACKTYPE_* and CALLBACKOP_*: `public/callback.h`.
  func callbackOp(_ call: HypercallArguments) throws(Errno) -> Int64 {
    switch call.first & 0xFFFF_FFFF {
    case 0:
      let raw = try copyFromGuest(call.second, count: 16)
      try registerCallback(type: raw.field(0), flags: raw.field(2), address: raw.field(8))
    case 1:
      let raw = try copyFromGuest(call.second, count: 4)
      try unregisterCallback(type: raw.field(0))
    default: throw .ENOSYS
    }
    return 0
  }

  private func registerCallback(type: UInt16, flags: UInt16, address: UInt64) throws(Errno) {
    guard Self.isCanonical(address) else { throw .EINVAL }
    let callback = Callback(address: address, masksEvents: flags & 1 != 0)
    switch type {
    case 0: domain.vcpu.eventCallback = Callback(address: address, masksEvents: true)
    case 1: domain.vcpu.failsafeCallback = callback
    case 2: domain.vcpu.syscallCallback = callback
    case 4: domain.vcpu.traps[2] = TrapInfo(address: address, cs: FlatSelector.code64, flags: 4)
    case 5: domain.vcpu.sysenterCallback = callback
    case 7: domain.vcpu.syscall32Callback = callback
    default: throw .ENOSYS
    }
  }

  private func unregisterCallback(type: UInt16) throws(Errno) {
    switch type {
    case 0, 1, 2, 5, 7: throw .EINVAL
    case 4: domain.vcpu.traps[2] = TrapInfo()
    default: throw .ENOSYS
    }
  }

  /// The old call: event, failsafe and syscall addresses at once, without flags; what is refused is passed over in silence.
  func setCallbacks(_ call: HypercallArguments) throws(Errno) -> Int64 {
    let addresses = [call.first, call.second, call.third]
    for (type, address) in addresses.enumerated() {
      try? registerCallback(type: UInt16(type), flags: 0, address: address)
    }
    return 0
  }

  /// XENNMI_register_callback and XENNMI_unregister_callback: `public/nmi.h`.
  func nmiOp(_ call: HypercallArguments) throws(Errno) -> Int64 {
    switch call.first & 0xFFFF_FFFF {
    case 0:
      let raw = try copyFromGuest(call.second, count: 16)
      try registerCallback(type: 4, flags: 0, address: raw.field(0))
    case 1: try unregisterCallback(type: 4)
    default: throw .ENOSYS
    }
    return 0
  }
}
