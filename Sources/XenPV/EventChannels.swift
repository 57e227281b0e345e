/// Event channels, 2-level ABI. Xen `xen/common/event_channel.c`, `xen/include/public/event_channel.h`.
public struct EventChannels: Sendable, Codable {
  /// What a port is bound to.
  public enum Binding: Sendable, Codable, Hashable {
    case free
    case reserved
    case unbound(remoteDomain: UInt16)
    case virq(UInt32)
    case ipi
    /// A channel whose other end is the hypervisor's own: the console, XenStore.
    case console, xenStore
  }
  /// By port; port 0 is reserved.
  public var bindings: [Binding] = [.reserved]

  public init() {}
}
