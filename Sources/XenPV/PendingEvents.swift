/// How an event becomes pending. In the 2-level ABI that is by bits in shared_info and vcpu_info.
///
/// Xen `xen/common/event_2l.c`; `xen/arch/x86/domain.c`, `vcpu_mark_events_pending`. The upcall itself is made on the way back to
/// the guest: `deliverPending`.
///
///     evtchn_pending[port / 64] bit port % 64       the event happened
///     evtchn_mask[port / 64] bit port % 64          the guest does not want to hear of it
///     evtchn_pending_sel bit port / 64              some port of that word is pending and not masked
///     evtchn_upcall_pending                         some bit of the selector is set
extension XenPVComputer {
  private func word(of port: UInt32, in array: UInt64) -> UInt64 {
    domain.map.sharedInfo << 12 + array + UInt64(port / 64) * 8
  }

  /// A bit of evtchn_pending or evtchn_mask.
  func twoLevelBit(_ port: UInt32, _ array: UInt64) -> Bool {
    processor.physicalWord(at: word(of: port, in: array)) >> UInt64(port % 64) & 1 != 0
  }

  /// Returns what it was before.
  @discardableResult private func setTwoLevelBit(_ port: UInt32, _ array: UInt64, _ value: Bool) -> Bool {
    let address = word(of: port, in: array)
    let old = processor.physicalWord(at: address)
    let bit: UInt64 = 1 << UInt64(port % 64)
    processor.setPhysicalWord(value ? old | bit : old & ~bit, at: address)
    return old & bit != 0
  }

  /// evtchn_port_set_pending.
  func setPending(_ port: UInt32) {
    guard domain.eventChannels.isUsable(port) else { return }
    if domain.eventChannels.fifo != nil { return setFIFOPending(port) }
    if setTwoLevelBit(port, SharedInfo.pending, true) { return }
    if !twoLevelBit(port, SharedInfo.mask) { select(port) }
    checkPollers(port)
  }

  /// evtchn_port_clear_pending.
  func clearPending(_ port: UInt32) {
    if domain.eventChannels.fifo != nil {
      setFIFOBit(port, FIFOEventChannels.pending, false)
    } else {
      setTwoLevelBit(port, SharedInfo.pending, false)
    }
  }

  /// evtchn_is_pending.
  func isPending(_ port: UInt32) -> Bool {
    domain.eventChannels.fifo == nil
      ? twoLevelBit(port, SharedInfo.pending) : fifoBit(port, FIFOEventChannels.pending)
  }

  /// evtchn_is_masked.
  func isMasked(_ port: UInt32) -> Bool {
    domain.eventChannels.fifo == nil
      ? twoLevelBit(port, SharedInfo.mask) : fifoBit(port, FIFOEventChannels.masked)
  }

  /// evtchn_port_unmask.
  func unmask(_ port: UInt32) {
    guard domain.eventChannels.isUsable(port) else { return }
    if domain.eventChannels.fifo != nil { return unmaskFIFO(port) }
    if setTwoLevelBit(port, SharedInfo.mask, false) && twoLevelBit(port, SharedInfo.pending) { select(port) }
  }

  private func select(_ port: UInt32) {
    let address = domain.vcpu.vcpuInfo + VCPUInfo.pendingSelector
    let old = processor.physicalWord(at: address)
    let bit: UInt64 = 1 << UInt64(port / 64)
    processor.setPhysicalWord(old | bit, at: address)
    if old & bit == 0 { markEventsPending() }
  }

  /// vcpu_mark_events_pending: a virtual CPU that is blocked wakes up.
  func markEventsPending() {
    if upcallPending != 0 { return }
    upcallPending = 1
    unblock()
  }

  /// send_guest_vcpu_virq, send_guest_global_virq.
  func sendVIRQ(_ virq: UInt32) {
    if let port = domain.eventChannels.port(ofVIRQ: virq) { setPending(port) }
  }

  /// local_events_need_delivery.
  var eventsNeedDelivery: Bool { upcallPending != 0 && upcallMask == 0 }
}
