/// The instructions of privilege 0 that the hypervisor executes for a guest, decoded.
///
/// SDM vol. 2A, "Instruction Format"; Xen `xen/arch/x86/pv/emul-priv-op.c`, `validate`: nothing else is looked at.
import Machine

struct PrivilegedInstruction: Hashable {
  enum Kind: Hashable {
    case input(immediate: Bool)
    case output(immediate: Bool)
    case inputString, outputString
    case clearInterrupt, setInterrupt
    case clearTaskSwitched, writeBack
    case readControl, writeControl, readDebug, writeDebug
    case readMSR, writeMSR
    case readTimeStamp, readTimeStampAndID, setExtendedControl, cpuid
  }

  var kind: Kind
  var length: UInt64
  /// Bytes that a port instruction moves: 1, 2 or 4.
  var width: Int
  /// Bytes of an address: 2, 4 or 8.
  var addressSize: Int
  /// The segment of an OUTS.
  var segment: SegmentName
  var isRepeated: Bool
  /// Register numbers of MOV to and from control and debug registers.
  var special: Int
  var general: Int
  var immediate: UInt8

  /// The size of operands and addresses that the code segment asks for: 2, 4, or 8 for 64-bit code.
  init?(_ bytes: [UInt8], codeSize: Int) {
    var at = 0
    func byte(_ index: Int) -> UInt8? { index < bytes.count && index < 15 ? bytes[index] : nil }
    var operandPrefix = false
    var addressPrefix = false
    var rex: UInt8 = 0
    var isLocked = false
    isRepeated = false
    segment = .ds
    scan: while let prefix = byte(at) {
      switch prefix {
      case 0x66: operandPrefix = true
      case 0x67: addressPrefix = true
      case 0xF2, 0xF3: isRepeated = true
      case 0xF0: isLocked = true
      case 0x26, 0x2E, 0x36, 0x3E:
        // In 64-bit code these change nothing.
        if codeSize != 8 { segment = [.es, .cs, .ss, .ds][Int(prefix >> 3 & 3)] }
      case 0x64: segment = .fs
      case 0x65: segment = .gs
      case 0x40...0x4F where codeSize == 8:
        rex = prefix
        at += 1
        // Any other prefix after it takes its effect away.
        if let next = byte(at), Self.isPrefix(next) {
          rex = 0
          continue scan
        }
        break scan
      default: break scan
      }
      at += 1
    }
    guard !isLocked, let opcode = byte(at) else { return nil }
    at += 1
    addressSize =
      switch codeSize {
      case 8: addressPrefix ? 4 : 8
      case 4: addressPrefix ? 2 : 4
      default: addressPrefix ? 4 : 2
      }
    let wide = codeSize == 2 ? (operandPrefix ? 4 : 2) : operandPrefix && rex & 8 == 0 ? 2 : 4
    width = opcode & 1 == 0 ? 1 : wide
    (special, general, immediate) = (0, 0, 0)
    switch opcode {
    case 0x6C, 0x6D: kind = .inputString
    case 0x6E, 0x6F: kind = .outputString
    case 0xE4, 0xE5, 0xE6, 0xE7:
      guard let port = byte(at) else { return nil }
      at += 1
      immediate = port
      kind = opcode & 2 == 0 ? .input(immediate: true) : .output(immediate: true)
    case 0xEC, 0xED: kind = .input(immediate: false)
    case 0xEE, 0xEF: kind = .output(immediate: false)
    case 0xFA: kind = .clearInterrupt
    case 0xFB: kind = .setInterrupt
    case 0x0F:
      guard let second = byte(at) else { return nil }
      at += 1
      switch second {
      case 0x01:
        guard let last = byte(at) else { return nil }
        at += 1
        switch last {
        case 0xD1: kind = .setExtendedControl
        case 0xF9: kind = .readTimeStampAndID
        default: return nil
        }
      case 0x06: kind = .clearTaskSwitched
      case 0x09: kind = .writeBack
      case 0x20, 0x21, 0x22, 0x23:
        guard let modRM = byte(at) else { return nil }
        at += 1
        // The mod field is ignored: the operand is a register.
        special = Int(modRM >> 3 & 7) | (rex & 4 != 0 ? 8 : 0)
        general = Int(modRM & 7) | (rex & 1 != 0 ? 8 : 0)
        kind = [.readControl, .readDebug, .writeControl, .writeDebug][Int(second - 0x20)]
      case 0x30: kind = .writeMSR
      case 0x31: kind = .readTimeStamp
      case 0x32: kind = .readMSR
      case 0xA2: kind = .cpuid
      default: return nil
      }
    default: return nil
    }
    length = UInt64(at)
  }

  private static func isPrefix(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x26, 0x2E, 0x36, 0x3E, 0x40...0x4F, 0x64...0x67, 0xF0, 0xF2, 0xF3: true
    default: false
    }
  }
}
