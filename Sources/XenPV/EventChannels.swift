/// Event channels: which port is bound to what. Their state that the guest sees, pending and masked, is in shared_info.
///
/// Xen `xen/common/event_channel.c`, `xen/include/public/event_channel.h`.
/// Not modelled: physical interrupts, and channels to other domains than the console's and XenStore's.
public struct EventChannels: Sendable, Codable, Hashable {
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
  /// max_evtchns: ports that the ABI has words or bits for.
  var maximum: Int { fifo == nil ? 4096 : 1 << 17 }
  /// What the toolstack allows a domain: `max_evtchn_port`.
  static let lastGuestPort = 1023

  /// By port; port 0 is reserved.
  public private(set) var bindings: [Binding]
  /// The guest chose the FIFO ABI.
  var fifo: FIFOEventChannels?
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

  /// get_free_port: binds the lowest free port up to `last`, unless it is still on a queue; nil where all are taken.
  public mutating func bind(_ binding: Binding, upTo last: Int = 1023, isBusy: (UInt32) -> Bool = { _ in false })
    -> UInt32?
  {
    let limit = min(last + 1, maximum)
    let free = bindings.indices.first { bindings[$0] == .free && !isBusy(UInt32($0)) }
    let port = free ?? bindings.count
    guard port < limit else { return nil }
    if port == bindings.count { bindings += [Binding](repeating: .free, count: Self.bucket) }
    bindings[port] = binding
    fifo?.ports[UInt32(port), default: .init()].priority = FIFOEventChannels.defaultPriority
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
