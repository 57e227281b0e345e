/// A processor in 64-bit mode at privilege 0, with flat segments, an identity map of 4 GiB and an IDT whose gates all lead to a HLT
/// of their own: what tests start from that bring the rest as bytes.
///
///     0x1000  the code that leads there from the 32-bit start
///     0x2000  PML4; PDPT at 0x3000, with pages of 1 GiB that everybody may access
///     0x6000  where the gates lead, 16 bytes apart
///     tables  GDT; IDT at +0x1000, TSS at +0x2000: in RAM unless asked otherwise
///
/// SDM vol. 3A, "Initializing IA-32e Mode", "64-Bit Mode Stack Frame".
import Machine

struct LongModeStart {
  static let handlers: UInt64 = 0x6000
  static let stackTop: UInt64 = 0x1_0000
  static let code: UInt64 = 0x2_0000
  static let tables: UInt64 = 0x1_4000

  enum Selector {
    static let code: UInt16 = 0x08
    static let data: UInt16 = 0x10
    static let userData: UInt16 = 0x18
    static let userCode: UInt16 = 0x20
    static let compatibility: UInt16 = 0x28
    static let task: UInt16 = 0x30
  }

  /// Writes guest memory, RAM or not.
  var write: ([UInt8], UInt64) -> Void
  var tables = LongModeStart.tables

  /// Prepares memory and runs to the end of the start. False where the processor does not arrive.
  func start(_ processor: Processor) -> Bool {
    writeWords([0x3000 | 7], at: 0x2000)
    writeWords((0..<4).map { $0 << 30 | 0x87 }, at: 0x3000)
    writeTables()
    write([UInt8](repeating: 0xF4, count: 256 * 16), Self.handlers)
    let code = bootstrap
    write(code, 0x1000)
    processor.startProtected(entry: 0x1000, ebx: 0)
    let end = 0x1000 + UInt64(code.count)
    for _ in 0..<100 where processor.rip != end { _ = processor.run(100, until: end) }
    processor[.rsp] = Self.stackTop
    return processor.rip == end
  }

  private func writeWords(_ words: [UInt64], at address: UInt64) {
    write(words.withUnsafeBytes { [UInt8]($0) }, address)
  }

  private func writeTables() {
    let tss = tables + 0x2000
    writeWords(
      [
        0, 0x00AF_9B00_0000_FFFF, 0x00CF_9300_0000_FFFF, 0x00CF_F300_0000_FFFF, 0x00AF_FB00_0000_FFFF,
        0x00CF_9B00_0000_FFFF, 0x67 | (tss & 0xFF_FFFF) << 16 | 0x89 << 40 | (tss >> 24 & 0xFF) << 56, tss >> 32,
      ], at: tables)
    var gates: [UInt64] = []
    for vector in 0..<256 as Range<UInt64> {
      let target = Self.handlers + vector * 16
      gates.append(target & 0xFFFF | UInt64(Selector.code) << 16 | 0xEE << 40 | (target >> 16 & 0xFFFF) << 48)
      gates.append(0)
    }
    writeWords(gates, at: tables + 0x1000)
    // RSP0, then IST1 to IST7; no port bit map.
    let words = [Self.stackTop - 0x1000, 0, 0, 0] + (1...7).map { Self.stackTop - 0x1000 - $0 * 0x400 } + [0]
    write([0, 0, 0, 0] + words.flatMap { word in withUnsafeBytes(of: word) { [UInt8]($0) } } + [0, 0, 0x68, 0], tss)
    writeWords([(tables & 0xFFFF_FFFF) << 16 | 0x3F], at: tables + 0x3000)
    writeWords([(tables + 0x1000) << 16 | 0xFFF, 0], at: tables + 0x3010)
  }

  /// 32-bit code, then 64-bit code from the far jump on.
  private var bootstrap: [UInt8] {
    func word(_ value: UInt64) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }
    var code: [UInt8] = []
    // CR4: PAE, OSFXSR, OSXMMEXCPT, FSGSBASE. CR3. EFER: NXE, LME, SCE. CR0: PG, WP, NE, ET, MP, PE.
    code += [0xB8] + word(0x1_0620) + [0x0F, 0x22, 0xE0]
    code += [0xB8] + word(0x2000) + [0x0F, 0x22, 0xD8]
    code += [0xB9] + word(0xC000_0080) + [0xB8] + word(0x901) + [0x31, 0xD2, 0x0F, 0x30]
    code += [0xB8] + word(0x8001_0033) + [0x0F, 0x22, 0xC0]
    code += [0x0F, 0x01, 0x15] + word(tables + 0x3000)
    code += [0xEA] + word(0x1000 + UInt64(code.count) + 7) + [0x08, 0x00]
    code += [0x0F, 0x01, 0x1C, 0x25] + word(tables + 0x3010)
    // SS, DS, ES, FS, GS; TR.
    code += [0x66, 0xB8, 0x10, 0x00, 0x8E, 0xD0, 0x8E, 0xD8, 0x8E, 0xC0, 0x8E, 0xE0, 0x8E, 0xE8]
    code += [0x66, 0xB8, 0x30, 0x00, 0x0F, 0x00, 0xD8]
    return code
  }
}
