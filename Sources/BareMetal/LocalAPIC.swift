/// The processor's local APIC in xAPIC mode: its page of registers, local vector table, timer and priorities.
///
/// Intel SDM vol. 3A, chapter "Advanced Programmable Interrupt Controller (APIC)", by section: "Local APIC Registers",
/// "Handling Local Interrupts", "Issuing Interprocessor Interrupts", "Handling Interrupts", "Spurious Interrupt".
///
/// One processor, APIC ID 0: an IPI for anybody else vanishes. The timer's input clock, the processor's bus, is 1 GHz: one tick of
/// an undivided timer per virtual nanosecond. Not modelled: x2APIC (CPUID must not show it), CMCI,
/// level-triggered LINT0 in fixed mode (the trigger bit reads back, the pin is taken as edge-triggered), SMI and
/// start-up IPIs (ignored), and sources of thermal and performance interrupts.
public struct LocalAPIC: Equatable, Codable, Sendable {
  /// Version 14H (a P4-like local APIC) with six LVT entries.
  static let version: UInt32 = 0x0005_0014

  private let identifier: UInt32
  /// May the LVT timer be put in TSC-deadline mode? Follows CPUID.
  private let hasDeadlineMode: Bool

  private(set) var taskPriority: UInt8 = 0
  private var logicalDestination: UInt32 = 0
  private var destinationFormat: UInt32 = 0xFFFF_FFFF
  private var spurious: UInt32 = 0xFF
  private var inService = VectorSet()
  private var triggerMode = VectorSet()
  private var requests = VectorSet()
  /// ESR as it reads, and the errors since it was last written.
  private var errorStatus: UInt32 = 0
  private var errorsSeen: UInt32 = 0
  private var commandLow: UInt32 = 0
  private var commandHigh: UInt32 = 0

  private var timerEntry = Flag.masked
  private var thermalEntry = Flag.masked
  private var performanceEntry = Flag.masked
  private var lint0Entry = Flag.masked
  private var lint1Entry = Flag.masked
  private var errorEntry = Flag.masked

  private var initialCount: UInt32 = 0
  private var divideConfiguration: UInt32 = 0
  /// When the running timer reaches zero (or the TSC deadline comes). Nil: stopped.
  private var expiry: UInt64?

  private var lint0Level = false
  private var endedLevelInterrupt: UInt8?
  /// An NMI or INIT has been accepted and the processor has not taken it yet.
  public private(set) var nonMaskablePending = false
  public private(set) var initializePending = false

  public init(identifier: UInt8 = 0, hasDeadlineMode: Bool = false) {
    self.identifier = UInt32(identifier) << 24
    self.hasDeadlineMode = hasDeadlineMode
  }

  /// A vector was taken and its EOI has not come yet.
  public var isServicing: Bool { inService.highest != nil }

  // MARK: Priorities

  /// PPR: the higher class of TPR and of the highest vector in service.
  public var processorPriority: UInt8 {
    let serving = inService.highest ?? 0
    return taskPriority >> 4 >= serving >> 4 ? taskPriority : serving & 0xF0
  }

  /// The vector to present: the highest request, if its class is above PPR's.
  public var pendingVector: UInt8? {
    guard let vector = requests.highest, vector >> 4 > processorPriority >> 4 else { return nil }
    return vector
  }

  /// The processor accepts the pending vector: IRR to ISR. If TPR rose meanwhile, the spurious vector, which goes
  /// nowhere ("Spurious Interrupt").
  public mutating func acknowledge() -> UInt8 {
    guard let vector = pendingVector else { return UInt8(truncatingIfNeeded: spurious) }
    requests.remove(vector)
    inService.insert(vector)
    return vector
  }

  /// TPR bits 7:4, which CR8 reads and writes.
  public var taskPriorityClass: UInt8 {
    get { taskPriority >> 4 }
    set { taskPriority = newValue << 4 }
  }

  private var isSoftwareEnabled: Bool { spurious & Flag.softwareEnable != 0 }

  // MARK: Accepting interrupts

  /// A fixed interrupt arrives. While software-disabled the local APIC accepts none ("Local APIC State After It Has
  /// Been Software Disabled"); what IRR holds already stays.
  private mutating func accept(fixed vector: UInt8, isLevelTriggered: Bool = false) {
    guard isSoftwareEnabled else { return }
    guard vector >= 16 else {
      record(ErrorBit.receivedIllegalVector)
      return
    }
    requests.insert(vector)
    if isLevelTriggered { triggerMode.insert(vector) } else { triggerMode.remove(vector) }
  }

  /// A fixed, edge-triggered interrupt message from outside.
  public mutating func receive(message vector: UInt8) { accept(fixed: vector) }

  /// A message of an I/O APIC, for this processor or another.
  public mutating func receive(_ message: IOAPIC.Message) {
    guard isAddressed(by: UInt32(message.destination), isLogical: message.isLogical) else { return }
    switch message.kind {
    case .fixed: accept(fixed: message.vector, isLevelTriggered: message.isLevelTriggered)
    case .nonMaskable: nonMaskablePending = true
    }
  }

  /// The vector of a level-triggered interrupt that EOI has just ended, which I/O APICs must hear of ("Signaling Interrupt
  /// Servicing Completion"); once.
  public mutating func takeEndedLevelInterrupt() -> UInt8? {
    defer { endedLevelInterrupt = nil }
    return endedLevelInterrupt
  }

  private mutating func deliver(_ entry: UInt32) {
    guard entry & Flag.masked == 0 else { return }
    switch DeliveryMode(of: entry) {
    case .fixed: accept(fixed: UInt8(truncatingIfNeeded: entry))
    case .nonMaskable: nonMaskablePending = true
    case .initialize: initializePending = true
    case .lowestPriority, .systemManagement, .remoteRead, .startUp, .external: break
    }
  }

  /// "Error Handling": the error's bit waits for a write to ESR, and the error interrupt is raised for a new error.
  private mutating func record(_ error: UInt32) {
    guard errorsSeen & error == 0 else { return }
    errorsSeen |= error
    // An error entry with an illegal vector of its own ends here: its bit is set by now, at the second call.
    if errorEntry & Flag.masked == 0 { accept(fixed: UInt8(truncatingIfNeeded: errorEntry)) }
  }

  public mutating func acknowledgeNonMaskable() { nonMaskablePending = false }

  // MARK: Local pins

  /// Does LINT0 pass the 8259's INTR to the processor ("virtual wire")?
  public var passesExternalInterrupts: Bool {
    lint0Entry & Flag.masked == 0 && DeliveryMode(of: lint0Entry) == .external
  }

  /// The 8259 pair's INTR at LINT0.
  public mutating func setLINT0(_ high: Bool) {
    if high && !lint0Level { deliver(lint0Entry) }
    lint0Level = high
  }

  /// A rising edge at LINT1, the board's NMI line.
  public mutating func pulseLINT1() { deliver(lint1Entry) }

  // MARK: Timer

  /// The vector that the timer asks for. Nil: it is masked, or the local APIC is software-disabled.
  public var timerVector: UInt8? {
    timerEntry & Flag.masked == 0 ? UInt8(truncatingIfNeeded: timerEntry) : nil
  }

  private var timerMode: TimerMode { TimerMode(rawValue: timerEntry >> 17 & 3)! }

  /// Bus clocks for one timer tick, by bits 3, 1 and 0.
  private var divisor: UInt64 {
    let code = divideConfiguration & 3 | divideConfiguration >> 1 & 4
    return code == 7 ? 1 : 2 << UInt64(code)
  }

  /// Lets the timer run to `now`; periods that passed since the last call count as one interrupt, as IRR holds one.
  public mutating func advance(to now: UInt64) {
    guard let due = expiry, due <= now else { return }
    let period = UInt64(initialCount) * divisor
    if timerMode == .periodic, period > 0 {
      expiry = due.addingSaturated(((now - due) / period + 1).multipliedSaturated(period))
    } else {
      expiry = nil
    }
    if timerEntry & Flag.masked == 0 { accept(fixed: UInt8(truncatingIfNeeded: timerEntry)) }
  }

  /// When the timer will next ask for an interrupt, if it will. A due time at or before `now` means `advance` is due.
  public func nextDeadline(after now: UInt64) -> UInt64? {
    timerEntry & Flag.masked == 0 ? expiry : nil
  }

  private func currentCount(at now: UInt64) -> UInt32 {
    guard timerMode != .deadline, let due = expiry, due > now else { return 0 }
    let remaining = due - now
    return UInt32(clamping: remaining / divisor + (remaining % divisor == 0 ? 0 : 1))
  }

  private mutating func startTimer(at now: UInt64) {
    guard timerMode != .deadline else { return }
    expiry = initialCount == 0 ? nil : now.addingSaturated(UInt64(initialCount) * divisor)
  }

  /// IA32_TSC_DEADLINE, converted to virtual nanoseconds by whoever knows the TSC's rate; nil disarms. Ignored outside
  /// TSC-deadline mode.
  public mutating func setTSCDeadline(_ deadline: UInt64?) {
    guard timerMode == .deadline else { return }
    expiry = deadline
  }

  // MARK: Registers

  /// A 32-bit read at an offset in the page.
  public mutating func read(_ offset: UInt64, now: UInt64) -> UInt32 {
    advance(to: now)
    switch offset {
    case Register.identifier: return identifier
    case Register.version: return Self.version
    case Register.taskPriority: return UInt32(taskPriority)
    // Processors with a version of 14H have no arbitration and no remote read.
    case Register.arbitrationPriority, Register.remoteRead: return 0
    case Register.processorPriority: return UInt32(processorPriority)
    // Write-only.
    case Register.endOfInterrupt: return 0
    case Register.logicalDestination: return logicalDestination
    case Register.destinationFormat: return destinationFormat
    case Register.spuriousVector: return spurious
    case Register.inService..<Register.triggerMode where offset & 15 == 0:
      return inService.word(Int(offset - Register.inService) >> 4)
    case Register.triggerMode..<Register.requests where offset & 15 == 0:
      return triggerMode.word(Int(offset - Register.triggerMode) >> 4)
    case Register.requests..<Register.errorStatus where offset & 15 == 0:
      return requests.word(Int(offset - Register.requests) >> 4)
    case Register.errorStatus: return errorStatus
    case Register.commandLow: return commandLow
    case Register.commandHigh: return commandHigh
    case Register.timer: return timerEntry
    case Register.thermal: return thermalEntry
    case Register.performance: return performanceEntry
    case Register.lint0: return lint0Entry
    case Register.lint1: return lint1Entry
    case Register.error: return errorEntry
    case Register.initialCount: return initialCount
    case Register.currentCount: return currentCount(at: now)
    case Register.divideConfiguration: return divideConfiguration
    default:
      if offset & 15 == 0 { record(ErrorBit.illegalRegisterAddress) }
      return 0
    }
  }

  /// A 32-bit write at an offset in the page.
  public mutating func write(_ offset: UInt64, _ value: UInt32, now: UInt64) {
    advance(to: now)
    switch offset {
    case Register.taskPriority: taskPriority = UInt8(truncatingIfNeeded: value)
    case Register.endOfInterrupt:
      guard let served = inService.highest else { return }
      inService.remove(served)
      if triggerMode.contains(served) { endedLevelInterrupt = served }
    case Register.logicalDestination: logicalDestination = value & 0xFF00_0000
    case Register.destinationFormat: destinationFormat = value | 0x0FFF_FFFF
    case Register.spuriousVector: writeSpurious(value)
    case Register.errorStatus:
      // "ESR is a write/read register. Before attempt to read from the ESR, software should first write to it."
      errorStatus = errorsSeen
      errorsSeen = 0
    case Register.commandLow: sendCommand(value)
    case Register.commandHigh: commandHigh = value & 0xFF00_0000
    case Register.timer: writeTimerEntry(value)
    case Register.thermal: thermalEntry = entry(value & 0x0001_07FF)
    case Register.performance: performanceEntry = entry(value & 0x0001_07FF)
    case Register.lint0: lint0Entry = entry(value & 0x0001_A7FF)
    case Register.lint1: lint1Entry = entry(value & 0x0001_A7FF)
    case Register.error: errorEntry = entry(value & 0x0001_00FF)
    case Register.initialCount:
      guard timerMode != .deadline else { return }
      initialCount = value
      startTimer(at: now)
    case Register.divideConfiguration:
      let remaining = UInt64(currentCount(at: now))
      divideConfiguration = value & 0b1011
      if timerMode != .deadline, expiry != nil { expiry = now.addingSaturated(remaining * divisor) }
    // Read-only registers ignore writes; others do not exist.
    case Register.identifier, Register.version, Register.arbitrationPriority, Register.processorPriority,
      Register.remoteRead, Register.inService..<Register.errorStatus, Register.currentCount:
      break
    default:
      if offset & 15 == 0 { record(ErrorBit.illegalRegisterAddress) }
    }
  }

  /// What an LVT entry becomes: while software-disabled every mask bit is forced to 1.
  private func entry(_ value: UInt32) -> UInt32 {
    isSoftwareEnabled ? value : value | Flag.masked
  }

  private mutating func writeTimerEntry(_ value: UInt32) {
    let before = timerMode
    timerEntry = entry(value & (hasDeadlineMode ? 0x0007_00FF : 0x0003_00FF))
    // "Transitioning between TSC-deadline mode and other timer modes also disarms the timer."
    if (before == .deadline) != (timerMode == .deadline) {
      expiry = nil
      initialCount = 0
    }
  }

  private mutating func writeSpurious(_ value: UInt32) {
    // Bits 7:0 vector, 8 enable, 9 focus checking (reads back); EOI-broadcast suppression is not offered.
    spurious = value & 0x3FF
    guard !isSoftwareEnabled else { return }
    timerEntry |= Flag.masked
    thermalEntry |= Flag.masked
    performanceEntry |= Flag.masked
    lint0Entry |= Flag.masked
    lint1Entry |= Flag.masked
    errorEntry |= Flag.masked
  }

  // MARK: Interprocessor interrupts

  private mutating func sendCommand(_ value: UInt32) {
    // Delivery status (bit 12) is idle again by the next read.
    commandLow = value & 0x000C_CFFF
    let mode = DeliveryMode(of: value)
    let vector = UInt8(truncatingIfNeeded: value)
    if mode == .fixed || mode == .lowestPriority, vector < 16 {
      record(ErrorBit.sendIllegalVector)
      return
    }
    guard targetsSelf else { return }
    switch mode {
    case .fixed, .lowestPriority: accept(fixed: vector)
    case .nonMaskable: nonMaskablePending = true
    case .initialize:
      // An INIT level de-assert (trigger level, level 0) does nothing on these processors.
      if value & 0xC000 != 0x8000 { initializePending = true }
    case .systemManagement, .remoteRead, .startUp, .external: break
    }
  }

  /// Does the ICR's destination include this processor, the only one?
  private var targetsSelf: Bool {
    switch commandLow >> 18 & 3 {
    case 1, 2: return true
    case 3: return false
    default: break
    }
    return isAddressed(by: commandHigh >> 24, isLogical: commandLow & 0x800 != 0)
  }

  /// "Determining IPI Destination".
  private func isAddressed(by destination: UInt32, isLogical: Bool) -> Bool {
    if destination == 0xFF { return true }
    guard isLogical else { return destination == identifier >> 24 }
    // "Logical Destination Mode": flat model compares bits, cluster model a cluster number and four bits.
    let own = logicalDestination >> 24
    if destinationFormat >> 28 == 0xF { return destination & own != 0 }
    return destination >> 4 == own >> 4 && destination & own & 0xF != 0
  }
}

extension UInt64 {
  fileprivate func addingSaturated(_ other: UInt64) -> UInt64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }

  fileprivate func multipliedSaturated(_ other: UInt64) -> UInt64 {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? .max : product
  }
}
