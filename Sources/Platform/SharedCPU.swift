/// What Xen and its guest's kernel share of a virtual CPU, besides its registers and its stack.
///
/// Xen `xen/include/public/xen.h`, `struct vcpu_info`.

public struct SharedCPU: Sendable, Hashable {
  /// evtchn_upcall_pending.
  public var upcallPending: UInt8
  /// evtchn_upcall_mask.
  public var upcallMask: UInt8
  /// evtchn_pending_sel.
  public var pendingSelector: UInt64
  /// arch.cr2.
  public var cr2: UInt64

  public init(upcallPending: UInt8, upcallMask: UInt8, pendingSelector: UInt64, cr2: UInt64) {
    self.upcallPending = upcallPending
    self.upcallMask = upcallMask
    self.pendingSelector = pendingSelector
    self.cr2 = cr2
  }

  /// From the first 24 bytes of the structure; nil where there are fewer.
  public init?(_ bytes: [UInt8]) {
    guard bytes.count >= 24 else { return nil }
    func word(_ offset: Int) -> UInt64 { bytes[offset..<offset + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) } }
    self.init(upcallPending: bytes[0], upcallMask: bytes[1], pendingSelector: word(8), cr2: word(16))
  }
}
