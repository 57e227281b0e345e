/// Register offsets and field values of the local APIC's page, and its 256-bit vector registers.
///
/// Intel SDM vol. 3A, "Local APIC Register Address Map", "Local Vector Table", "Interrupt Command Register (ICR)".
extension LocalAPIC {
  enum Register {
    static let identifier: UInt64 = 0x020
    static let version: UInt64 = 0x030
    static let taskPriority: UInt64 = 0x080
    static let arbitrationPriority: UInt64 = 0x090
    static let processorPriority: UInt64 = 0x0A0
    static let endOfInterrupt: UInt64 = 0x0B0
    static let remoteRead: UInt64 = 0x0C0
    static let logicalDestination: UInt64 = 0x0D0
    static let destinationFormat: UInt64 = 0x0E0
    static let spuriousVector: UInt64 = 0x0F0
    static let inService: UInt64 = 0x100
    static let triggerMode: UInt64 = 0x180
    static let requests: UInt64 = 0x200
    static let errorStatus: UInt64 = 0x280
    static let commandLow: UInt64 = 0x300
    static let commandHigh: UInt64 = 0x310
    static let timer: UInt64 = 0x320
    static let thermal: UInt64 = 0x330
    static let performance: UInt64 = 0x340
    static let lint0: UInt64 = 0x350
    static let lint1: UInt64 = 0x360
    static let error: UInt64 = 0x370
    static let initialCount: UInt64 = 0x380
    static let currentCount: UInt64 = 0x390
    static let divideConfiguration: UInt64 = 0x3E0
  }

  enum DeliveryMode: UInt32 {
    case fixed = 0
    case lowestPriority = 1
    case systemManagement = 2
    case remoteRead = 3
    case nonMaskable = 4
    case initialize = 5
    case startUp = 6
    case external = 7

    /// Bits 10:8 of an LVT entry or of ICR.
    init(of entry: UInt32) { self = Self(rawValue: entry >> 8 & 7)! }
  }

  enum TimerMode: UInt32 {
    case oneShot = 0
    case periodic = 1
    case deadline = 2
    case reserved = 3
  }

  enum Flag {
    static let masked: UInt32 = 1 << 16
    static let softwareEnable: UInt32 = 1 << 8
  }

  /// ESR bits.
  enum ErrorBit {
    static let sendIllegalVector: UInt32 = 1 << 5
    static let receivedIllegalVector: UInt32 = 1 << 6
    static let illegalRegisterAddress: UInt32 = 1 << 7
  }

  /// IRR, ISR or TMR: one bit for each vector.
  struct VectorSet: Equatable, Codable, Sendable {
    private var words = SIMD8<UInt32>(repeating: 0)
    private(set) var isEmpty = true

    /// The 32-bit register that shows vectors 32 × index and up.
    func word(_ index: Int) -> UInt32 { words[index] }

    var highest: UInt8? {
      guard !isEmpty else { return nil }
      for index in (0..<8).reversed() where words[index] != 0 {
        return UInt8(index * 32 + 31 - words[index].leadingZeroBitCount)
      }
      return nil
    }

    func contains(_ vector: UInt8) -> Bool { words[Int(vector >> 5)] >> UInt32(vector & 31) & 1 != 0 }

    mutating func insert(_ vector: UInt8) {
      words[Int(vector >> 5)] |= 1 << UInt32(vector & 31)
      isEmpty = false
    }

    mutating func remove(_ vector: UInt8) {
      words[Int(vector >> 5)] &= ~(1 << UInt32(vector & 31))
      isEmpty = words == SIMD8(repeating: 0)
    }
  }
}
