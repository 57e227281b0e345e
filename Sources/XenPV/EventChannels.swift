/// Event channels: which port is bound to what. Their state that the guest sees, pending and masked, is in shared_info.
///
/// Xen `xen/common/event_channel.c`, `xen/include/public/event_channel.h`.
/// Not modelled: the FIFO ABI (EVTCHNOP_init_control and EVTCHNOP_expand_array are refused with ENOSYS, as a Xen before 4.4 does,
/// and guests fall back on the 2-level ABI), physical interrupts, and channels to other domains than the console's and XenStore's.
public struct EventChannels: Sendable, Codable {
  /// What a port is bound to: ECS_*.
  public enum Binding: Sendable, Codable, Hashable {
    case free
    case reserved
    case unbound(remoteDomain: UInt16)
    /// Both ends are the domain's own.
    case interdomain(remotePort: UInt32)
    case virq(UInt32)
    case ipi
    /// A channel to domain 0 whose other end is played here: the console's, XenStore's.
    case console, xenStore
  }

  /// EVTCHNS_PER_BUCKET: ports come into being so many at a time, and those that do not exist yet are refused.
  static let bucket = 64
  /// Ports of the 2-level ABI.
  static let maximum = 4096
  /// What the toolstack allows a domain: `max_evtchn_port`.
  static let lastGuestPort = 1023

  /// By port; port 0 is reserved.
  public private(set) var bindings: [Binding]
  /// virq_to_evtchn: the port of each virtual interrupt; zero where it is not bound.
  private var portOfVIRQ = [UInt32](repeating: 0, count: VirtualIRQ.count)

  public init() {
    bindings = [.reserved] + [Binding](repeating: .free, count: Self.bucket - 1)
  }

  /// port_is_valid.
  func isValid(_ port: UInt32) -> Bool { port < bindings.count }

  /// evtchn_usable: bound to something.
  func isUsable(_ port: UInt32) -> Bool {
    guard isValid(port) else { return false }
    return bindings[Int(port)] != .free && bindings[Int(port)] != .reserved
  }

  /// The port that a virtual interrupt is bound to.
  func port(ofVIRQ virq: UInt32) -> UInt32? {
    let port = portOfVIRQ[Int(virq)]
    return port == 0 ? nil : port
  }

  /// get_free_port: binds the lowest free port up to `last`; nil where all are taken.
  public mutating func bind(_ binding: Binding, upTo last: Int = 1023) -> UInt32? {
    let limit = min(last + 1, Self.maximum)
    var port = bindings.firstIndex(of: .free) ?? bindings.count
    if port == bindings.count && port < limit {
      bindings += [Binding](repeating: .free, count: Self.bucket)
    }
    guard port < limit else { return nil }
    port = bindings.firstIndex(of: .free) ?? port
    bindings[port] = binding
    if case .virq(let virq) = binding { portOfVIRQ[Int(virq)] = UInt32(port) }
    return UInt32(port)
  }

  /// evtchn_close, without the pending bit, which is in shared_info. The other end of a channel becomes unbound.
  mutating func close(_ port: UInt32, domain: UInt16) {
    switch bindings[Int(port)] {
    case .virq(let virq): portOfVIRQ[Int(virq)] = 0
    case .interdomain(let remote) where remote != port: bindings[Int(remote)] = .unbound(remoteDomain: domain)
    default: break
    }
    bindings[Int(port)] = .free
  }

  /// Binds a port to the other end of a channel within the domain, and that to it.
  mutating func join(_ port: UInt32, _ remote: UInt32) {
    bindings[Int(port)] = .interdomain(remotePort: remote)
    bindings[Int(remote)] = .interdomain(remotePort: port)
  }
}

/// VIRQ_*: `xen/include/public/xen.h`.
enum VirtualIRQ {
  static let timer: UInt32 = 0
  static let debug: UInt32 = 1
  static let console: UInt32 = 2
  static let xenoprof: UInt32 = 7
  static let pmu: UInt32 = 13
  /// NR_VIRQS.
  static let count = 24

  /// virq_is_global: bound once for the domain rather than once for each virtual CPU.
  static func isGlobal(_ virq: UInt32) -> Bool { ![timer, debug, xenoprof, pmu].contains(virq) }
}
