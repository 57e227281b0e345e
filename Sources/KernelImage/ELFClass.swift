/// The two classes of ELF files and where the fields lie that differ between them.
/// System V Application Binary Interface, "Object Files", sections "ELF Header", "Section Header", "Symbol Table" and
/// "Program Header". All offsets are in bytes from the start of the header or the entry that holds the field.
public enum ELFClass: UInt8, Sendable {
  case elf32 = 1
  case elf64 = 2

  /// Addresses, offsets and sizes are numbers of 4 or 8 bytes.
  var isWide: Bool { self == .elf64 }

  /// The machine whose files have this class: EM_386 or EM_X86_64.
  var machine: UInt16 { isWide ? 62 : 3 }

  /// Of the file header.
  enum Header {
    static let entry: UInt64 = 24
    static func programHeaders(_ file: ELFClass) -> UInt64 { file.isWide ? 32 : 28 }
    static func sectionHeaders(_ file: ELFClass) -> UInt64 { file.isWide ? 40 : 32 }
    static func programHeaderSize(_ file: ELFClass) -> UInt64 { file.isWide ? 54 : 42 }
    static func programHeaderCount(_ file: ELFClass) -> UInt64 { file.isWide ? 56 : 44 }
    static func sectionHeaderSize(_ file: ELFClass) -> UInt64 { file.isWide ? 58 : 46 }
    static func sectionHeaderCount(_ file: ELFClass) -> UInt64 { file.isWide ? 60 : 48 }
    static func sectionNames(_ file: ELFClass) -> UInt64 { file.isWide ? 62 : 50 }
  }

  /// Of a program header.
  enum Program {
    static func size(_ file: ELFClass) -> UInt64 { file.isWide ? 56 : 32 }
    static func flags(_ file: ELFClass) -> UInt64 { file.isWide ? 4 : 24 }
    static func offset(_ file: ELFClass) -> UInt64 { file.isWide ? 8 : 4 }
    static func virtualAddress(_ file: ELFClass) -> UInt64 { file.isWide ? 16 : 8 }
    static func physicalAddress(_ file: ELFClass) -> UInt64 { file.isWide ? 24 : 12 }
    static func fileSize(_ file: ELFClass) -> UInt64 { file.isWide ? 32 : 16 }
    static func memorySize(_ file: ELFClass) -> UInt64 { file.isWide ? 40 : 20 }
    static func alignment(_ file: ELFClass) -> UInt64 { file.isWide ? 48 : 28 }
  }

  /// Of a section header.
  enum Section {
    static let flags: UInt64 = 8
    static func size(_ file: ELFClass) -> UInt64 { file.isWide ? 64 : 40 }
    static func address(_ file: ELFClass) -> UInt64 { file.isWide ? 16 : 12 }
    static func offset(_ file: ELFClass) -> UInt64 { file.isWide ? 24 : 16 }
    static func contentSize(_ file: ELFClass) -> UInt64 { file.isWide ? 32 : 20 }
    static func link(_ file: ELFClass) -> UInt64 { file.isWide ? 40 : 24 }
    static func alignment(_ file: ELFClass) -> UInt64 { file.isWide ? 48 : 32 }
    static func entrySize(_ file: ELFClass) -> UInt64 { file.isWide ? 56 : 36 }
  }

  /// Of a symbol.
  enum Symbol {
    static func size(_ file: ELFClass) -> UInt64 { file.isWide ? 24 : 16 }
    static func value(_ file: ELFClass) -> Int { file.isWide ? 8 : 4 }
    static func flags(_ file: ELFClass) -> Int { file.isWide ? 4 : 12 }
    static func section(_ file: ELFClass) -> Int { file.isWide ? 6 : 14 }
  }
}

extension ImageBytes {
  /// An address, offset or size of a file of that class.
  func word(_ file: ELFClass, at offset: UInt64, for what: @autoclosure () -> String) throws(ImageError) -> UInt64 {
    file.isWide
      ? try read(UInt64.self, at: offset, for: what()) : UInt64(try read(UInt32.self, at: offset, for: what()))
  }
}
