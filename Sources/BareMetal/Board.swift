/// The board: a PC without firmware, reduced to what kernels started through PVH need, as one value. A copy of it is a
/// snapshot.
///
/// Intel SDM vol. 3A, "Local APIC"; IBM PC/AT Technical Reference for the ports; Xen `public/arch-x86/hvm/start_info.h`
/// for what a kernel may expect without firmware. Ports and memory are mapped in `Board+Ports.swift` and
/// `Board+Memory.swift`.
///
/// The board has no clock: each call brings the virtual time in nanoseconds, which must not go backwards.
///
/// Not modelled: keyboard controller (ports 0x60 and 0x64 read all-ones, only its reset pulse works), PCI, HPET, DMA, floppy, the
/// second to fourth serial port, and IRQ13 for the FPU (64-bit kernels set CR0.NE). A kernel that is told of no ACPI tables powers
/// off by halting with IF clear.
public struct Board: Equatable, Codable, Sendable {
  public internal(set) var interruptControllers = Intel8259Pair()
  public internal(set) var ioAPIC = IOAPIC()
  var powerManagement = PowerManagement()
  public internal(set) var timer = Timer8254()
  public internal(set) var serial = SerialPort16550()
  public internal(set) var realTimeClock = RealTimeClock()
  public internal(set) var localAPIC: LocalAPIC

  /// False gives the smallest machine that boots Linux: the 8259's INTR is wired straight to the processor.
  public let hasLocalAPIC: Bool
  private let hasDeadlineMode: Bool
  /// IA32_APIC_BASE as the processor reads it.
  public private(set) var apicBase: UInt64

  /// The last byte written to port 0x80.
  public internal(set) var postCode: UInt8 = 0
  /// Port 0x92 bits as written: bit 1 is A20, which is always on in effect.
  var systemControlA: UInt8 = 0x02
  /// Port 0x61 bits 3 and 2, the enables of error sources that do not exist.
  var errorEnables: UInt8 = 0

  /// INTR as the processor sees it, after the local APIC's priorities.
  public private(set) var interruptRequest = false
  private var nonMaskableLatched = false

  /// The next rising edge of IRQ0, and the first time at which anything happens by itself (.max: never).
  private var timerEdge = UInt64.max
  private var due = UInt64.max

  /// - Parameter hasDeadlineMode: the local APIC's timer has a TSC-deadline mode (CPUID must say the same).
  public init(hasLocalAPIC: Bool = true, hasDeadlineMode: Bool = false) {
    self.hasLocalAPIC = hasLocalAPIC
    self.hasDeadlineMode = hasDeadlineMode
    localAPIC = LocalAPIC(hasDeadlineMode: hasDeadlineMode)
    apicBase = hasLocalAPIC ? APICBase.standard | APICBase.globalEnable | APICBase.bootstrapProcessor : 0
  }

  // MARK: Time

  /// Lets everything happen that is due at `now`.
  public mutating func advance(to now: UInt64) {
    guard due <= now else { return }
    if timerEdge <= now {
      // Counter 0's OUT fell and rose since it was last looked at; the 8259 can hold one edge only.
      drive(0, false)
      drive(0, true)
      timerEdge = timer.nextEdge(after: now) ?? .max
    }
    localAPIC.advance(to: now)
    refresh(now)
  }

  /// When `advance(to:)` has to be called next, if ever. It lies at or before `now` when that call is overdue.
  public func nextDeadline(after now: UInt64) -> UInt64? {
    due == .max ? nil : due
  }

  /// Counter 0 was reprogrammed. Its OUT drives IRQ0; between writes only the rises of OUT are followed, a fall is seen
  /// when a write causes it or just before the next rise.
  mutating func timerWasWritten(_ now: UInt64) {
    drive(0, timer.output0(at: now))
    timerEdge = timer.nextEdge(after: now) ?? .max
  }

  /// Carries the devices' pins to INTR, after anything that may have moved one.
  mutating func refresh(_ now: UInt64) {
    refreshPins()
    due = min(timerEdge, localAPIC.nextDeadline(after: now) ?? .max)
  }

  private mutating func refreshPins() {
    drive(4, serial.interruptAsserted)
    let external = interruptControllers.outputAsserted
    guard isLocalAPICEnabled else {
      interruptRequest = external
      return
    }
    localAPIC.setLINT0(external)
    interruptRequest = localAPIC.pendingVector != nil || external && localAPIC.passesExternalInterrupts
  }

  // MARK: Interrupts

  /// The processor takes the interrupt that INTR announces: returns its vector. A request that has gone meanwhile
  /// gives the spurious vector of the controller that was asked.
  public mutating func acknowledgeInterrupt() -> UInt8 {
    defer { refreshPins() }
    guard isLocalAPICEnabled else { return interruptControllers.acknowledge() }
    // With both asking, the manual names no order; the local APIC's own come first here.
    if localAPIC.pendingVector == nil, localAPIC.passesExternalInterrupts { return interruptControllers.acknowledge() }
    return localAPIC.acknowledge()
  }

  /// An NMI waits for the processor.
  public var nmiRequest: Bool { nonMaskableLatched || localAPIC.nonMaskablePending }

  /// The processor has taken the NMI.
  public mutating func acknowledgeNMI() {
    nonMaskableLatched = false
    localAPIC.acknowledgeNonMaskable()
  }

  /// An edge on the board's NMI line, which goes to LINT1 or, without a local APIC, to the processor. Bit 7 of port
  /// 0x70 blocks it.
  public mutating func pulseNMI() {
    guard !realTimeClock.nonMaskableInterruptsOff else { return }
    if isLocalAPICEnabled { localAPIC.pulseLINT1() } else { nonMaskableLatched = true }
  }

  /// Drives an IRQ line of the 8259 pair that no device of this board drives: 0 (timer), 2 (cascade) and 4 (serial
  /// port) are taken.
  public mutating func setInterruptLine(_ irq: Int, _ high: Bool) {
    precondition(irq != 0 && irq != 4, "IRQ \(irq) is driven by a device of the board")
    drive(irq, high)
    refreshPins()
  }

  /// An ISA interrupt line goes to an 8259 and to a pin of the I/O APIC.
  private mutating func drive(_ irq: Int, _ high: Bool) {
    interruptControllers.setLine(irq, high)
    if let message = ioAPIC.setPin(ACPITables.pin(ofISA: irq), high) { deliver(message) }
  }

  mutating func deliver(_ message: IOAPIC.Message) {
    guard isLocalAPICEnabled else { return }
    localAPIC.receive(message)
  }

  // MARK: Events from outside

  /// One more interrupt of the timer that the kernel uses: the local APIC's where its entry is not masked, else counter 0's.
  public mutating func raiseTimer() {
    if isLocalAPICEnabled, let vector = localAPIC.timerVector {
      deliverInterruptMessage(vector: vector)
    } else {
      raiseTimerInterrupt()
    }
  }

  /// Whether `raiseTimer` would reach the processor.
  public var canRaiseTimerInterrupt: Bool {
    var copy = self
    copy.raiseTimer()
    return copy.interruptRequest
  }

  /// One more rise of IRQ0, as if counter 0's cycle ended now. The timer itself goes on as it was.
  public mutating func raiseTimerInterrupt() {
    drive(0, false)
    drive(0, true)
    refreshPins()
  }

  /// A fixed interrupt message for the local APIC, as an I/O APIC or a device sends one.
  public mutating func deliverInterruptMessage(vector: UInt8) {
    guard isLocalAPICEnabled else { return }
    localAPIC.receive(message: vector)
    refreshPins()
  }

  // MARK: The local APIC's processor side

  /// Present and enabled in IA32_APIC_BASE.
  public var isLocalAPICEnabled: Bool { apicBase & APICBase.globalEnable != 0 }

  /// A write to IA32_APIC_BASE, already checked for reserved bits by the processor. Clearing the global enable takes
  /// the local APIC out of the way of INTR and NMI; setting it again finds it as after power-up ("Local APIC State
  /// After Power-Up or Reset").
  public mutating func setAPICBase(_ value: UInt64, now: UInt64) {
    guard hasLocalAPIC else { return }
    apicBase = value
    if !isLocalAPICEnabled { localAPIC = LocalAPIC(hasDeadlineMode: hasDeadlineMode) }
    refresh(now)
  }

  /// CR8: bits 7:4 of TPR.
  public var taskPriorityClass: UInt8 {
    get { localAPIC.taskPriorityClass }
    set {
      localAPIC.taskPriorityClass = newValue
      refreshPins()
    }
  }

  /// IA32_TSC_DEADLINE in virtual nanoseconds; nil disarms.
  public mutating func setTSCDeadline(_ deadline: UInt64?, now: UInt64) {
    advance(to: now)
    localAPIC.setTSCDeadline(deadline)
    refresh(now)
  }

  // MARK: The host's end of the serial line

  /// Sends bytes to the guest's serial port.
  public mutating func feedSerial(_ bytes: some Sequence<UInt8>) {
    serial.feed(bytes)
    refreshPins()
  }

  /// Takes what the guest has sent since the last call.
  public mutating func drainSerialOutput() -> [UInt8] { serial.drainOutput() }
}

/// IA32_APIC_BASE (Intel SDM vol. 3A, "Local APIC Status and Location").
public enum APICBase {
  public static let standard: UInt64 = 0xFEE0_0000
  public static let bootstrapProcessor: UInt64 = 1 << 8
  public static let globalEnable: UInt64 = 1 << 11
  /// Bits 51:12, the page.
  public static let pageMask: UInt64 = 0x000F_FFFF_FFFF_F000
}

/// What an access asks of whoever runs the machine.
public enum BoardOutcome: Equatable, Sendable {
  /// Nothing; go on.
  case `continue`
  /// A write to the debug-exit port 0xF4. QEMU's isa-debug-exit ends its process with `status << 1 | 1`.
  case debugExit(status: UInt32)
  /// The machine was switched off, through ACPI's soft off.
  case powerOff
  /// The machine was told to reset: keyboard controller pulse, port 0x92, port 0xCF9, or an INIT to itself.
  case reset
}
