/// Event channels, FIFO ABI: the guest gives pages with a word for each port, and a control block with a queue for each priority.
///
/// Xen `xen/common/event_fifo.c`; `xen/include/public/event_channel.h`, EVTCHN_FIFO_*.
///
///     word     31 pending  30 masked  29 linked  28 busy  16..0 the next port of the queue
///     control  u32 ready (a bit for each queue that is not empty), u32 reserved, u32 head[16]
///
/// The guest takes ports off the head of a queue, and only the hypervisor puts them on, behind the tail that it keeps itself.
public struct FIFOEventChannels: Sendable, Codable, Hashable {
  static let pending: UInt32 = 1 << 31
  static let masked: UInt32 = 1 << 30
  static let linked: UInt32 = 1 << 29
  static let busy: UInt32 = 1 << 28
  static let linkBits: UInt8 = 17
  static let link: UInt32 = 1 << 17 - 1
  static let defaultPriority: UInt8 = 7
  static let lowestPriority: UInt32 = 15
  static let wordsPerPage: UInt32 = 1024
  /// EVTCHN_FIFO_MAX_EVENT_ARRAY_PAGES.
  static let mostPages = 128
  /// sizeof(struct evtchn_fifo_control_block).
  static let controlSize: UInt32 = 72

  /// What Xen keeps of a port.
  struct Port: Sendable, Codable, Hashable {
    var priority = FIFOEventChannels.defaultPriority
    /// The queue that it was last put on.
    var lastPriority: UInt8 = 0
    /// It was raised while its word did not exist.
    var isPending = false
  }

  /// Machine address of the control block.
  var controlBlock: UInt64
  var frames: [UInt64] = []
  /// The last port of each queue, by priority; zero where it is known to be empty.
  var tails = [UInt32](repeating: 0, count: 16)
  var ports: [UInt32: Port] = [:]
}

extension XenPVComputer {
  /// evtchn_fifo_word_from_port: the machine address of a port's word; nil where its page does not exist.
  private func word(_ port: UInt32) -> UInt64? {
    guard let fifo = domain.eventChannels.fifo else { return nil }
    let page = Int(port / FIFOEventChannels.wordsPerPage)
    guard page < fifo.frames.count else { return nil }
    return fifo.frames[page] << 12 + UInt64(port % FIFOEventChannels.wordsPerPage) * 4
  }

  func fifoBit(_ port: UInt32, _ bit: UInt32) -> Bool {
    word(port).map { machineWord32($0) & bit != 0 } ?? (bit == FIFOEventChannels.masked)
  }

  /// Returns what it was before.
  @discardableResult func setFIFOBit(_ port: UInt32, _ bit: UInt32, _ value: Bool) -> Bool {
    guard let word = word(port) else { return false }
    let old = machineWord32(word)
    setMachineWord32(word, value ? old | bit : old & ~bit)
    return old & bit != 0
  }

  /// evtchn_fifo_set_pending.
  func setFIFOPending(_ port: UInt32) {
    guard let control = domain.eventChannels.fifo?.controlBlock else { return }
    guard word(port) != nil else {
      domain.eventChannels.fifo?.ports[port, default: .init()].isPending = true
      return
    }
    let wasPending = setFIFOBit(port, FIFOEventChannels.pending, true)
    let state = domain.eventChannels.fifo?.ports[port] ?? .init()
    if !fifoBit(port, FIFOEventChannels.masked) && !setFIFOBit(port, FIFOEventChannels.linked, true) {
      let isHead = put(port, state)
      let ready = machineWord32(control)
      // What was put behind another port is found with it.
      if isHead && ready >> UInt32(state.priority) & 1 == 0 {
        setMachineWord32(control, ready | 1 << UInt32(state.priority))
        markEventsPending()
      }
    }
    if !wasPending { checkPollers(port) }
  }

  /// Puts a port behind the tail of its queue, or at the head where the guest has taken the tail off. Whether it is the head.
  private func put(_ port: UInt32, _ state: FIFOEventChannels.Port) -> Bool {
    guard var fifo = domain.eventChannels.fifo else { return false }
    let (queue, old) = (Int(state.priority), Int(state.lastPriority))
    if fifo.tails[old] == port { fifo.tails[old] = 0 }
    fifo.ports[port, default: .init()].lastPriority = state.priority
    let tail = fifo.tails[queue]
    fifo.tails[queue] = port
    domain.eventChannels.fifo = fifo
    if tail != 0, let word = word(tail), machineWord32(word) & FIFOEventChannels.linked != 0 {
      let kept = machineWord32(word) & ~(FIFOEventChannels.busy | FIFOEventChannels.link)
      setMachineWord32(word, kept | port)
      return false
    }
    setMachineWord32(fifo.controlBlock + 8 + UInt64(queue) * 4, port)
    return true
  }

  /// evtchn_fifo_unmask.
  func unmaskFIFO(_ port: UInt32) {
    guard word(port) != nil else { return }
    setFIFOBit(port, FIFOEventChannels.masked, false)
    if fifoBit(port, FIFOEventChannels.pending) { setFIFOPending(port) }
  }

  // MARK: Operations

  /// EVTCHNOP_init_control: { u64 control_gfn; u32 offset, vcpu; u8 link_bits; }: 24 bytes.
  func initControl(_ argument: UInt64) throws(Errno) {
    var raw = try copyFromGuest(argument, count: 24)
    let (frame, offset, vcpu): (UInt64, UInt32, UInt32) = (raw.field(0), raw.field(8), raw.field(12))
    guard vcpu == 0 else { throw .ENOENT }
    guard offset <= 4096 - FIFOEventChannels.controlSize, offset & 7 == 0 else { throw .EINVAL }
    guard domain.eventChannels.fifo == nil, holdWritableFrame(frame) else { throw .EINVAL }
    var fifo = FIFOEventChannels(controlBlock: frame << 12 + UInt64(offset))
    // What is pending now will be raised once its word exists.
    for port in 1..<UInt32(domain.eventChannels.bindings.count) where twoLevelBit(port, SharedInfo.pending) {
      fifo.ports[port] = .init(isPending: true)
    }
    domain.eventChannels.fifo = fifo
    raw[16] = FIFOEventChannels.linkBits
    try copyToGuest(raw, argument)
  }

  /// EVTCHNOP_expand_array: { u64 array_gfn; }: a page with the words of 1024 more ports.
  func expandArray(_ argument: UInt64) throws(Errno) {
    let frame: UInt64 = try copyFromGuest(argument, count: 8).field(0)
    guard let fifo = domain.eventChannels.fifo else { throw .EOPNOTSUPP }
    guard fifo.frames.count < FIFOEventChannels.mostPages else { throw .ENOSPC }
    guard holdWritableFrame(frame) else { throw .EINVAL }
    let first = UInt32(fifo.frames.count) * FIFOEventChannels.wordsPerPage
    domain.eventChannels.fifo?.frames.append(frame)
    for port in first..<first + FIFOEventChannels.wordsPerPage where fifo.ports[port]?.isPending ?? false {
      setPending(port)
    }
  }

  /// EVTCHNOP_set_priority: { u32 port, priority; }.
  func setPriority(_ argument: UInt64) throws(Errno) {
    let raw = try copyFromGuest(argument, count: 8)
    let (port, priority): (UInt32, UInt32) = (raw.field(0), raw.field(4))
    guard domain.eventChannels.isValid(port) else { throw .EINVAL }
    guard domain.eventChannels.fifo != nil else { throw .ENOSYS }
    guard domain.eventChannels.isUsable(port) else { throw .EACCES }
    guard priority <= FIFOEventChannels.lowestPriority else { throw .EINVAL }
    domain.eventChannels.fifo?.ports[port, default: .init()].priority = UInt8(priority)
  }

  /// evtchn_fifo_destroy: back to the 2-level ABI.
  func leaveFIFO() {
    guard let fifo = domain.eventChannels.fifo else { return }
    releaseWritableFrame(fifo.controlBlock >> 12)
    for frame in fifo.frames { releaseWritableFrame(frame) }
    domain.eventChannels.fifo = nil
  }
}
