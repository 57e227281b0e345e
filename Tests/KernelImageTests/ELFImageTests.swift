import Foundation
import KernelImage
import Testing

/// Goal: a plain ELF kernel is read as the System V ABI says, and each way of lying in its headers has its own answer with the place.
/// Expected values: what the test itself laid out.
@Suite struct ELFImageTests {
  typealias Field = SyntheticELF.Field

  static func error(_ bytes: [UInt8]) -> ImageError? {
    do throws(ImageError) {
      _ = try KernelImage(bytes: bytes, name: "kernel")
      return nil
    } catch {
      return error
    }
  }

  @Test func segmentsNotesAndEntry() throws {
    let source = SyntheticELF()
    let image = try KernelImage(bytes: source.build(), name: "kernel")
    #expect(image.compression == nil)
    #expect(image.loadSegments.map(\.physicalAddress) == [SyntheticELF.textPhysical, SyntheticELF.dataPhysical])
    #expect(image.loadSegments.map(\.virtualAddress) == [SyntheticELF.textAddress, SyntheticELF.dataAddress])
    #expect(image.loadSegments.map(\.memorySize) == [64, 32 + 0x1000])
    #expect(Array(image.contents(of: image.loadSegments[0])) == source.text)
    #expect(Array(image.contents(of: image.loadSegments[1])) == source.data)
    #expect(image.pvhEntry == UInt32(SyntheticELF.pvhEntry))
    #expect(image.notes.map(\.owner) == ["Linux", "Xen"])
    #expect(image.notes.map(\.type) == [0x101, 18])
    #expect(image.notes.map(\.xenName) == [nil, "PHYS32_ENTRY"])
    #expect(image.notes[0].descriptor == [1, 2, 3])
    #expect(image.elf?.sections.map(\.name) == ["", ".text", ".data", ".data..percpu", ".shstrtab"])
    #expect(image.symbols.isEmpty)
  }

  @Test func bytesByVirtualAddressEndWithTheFile() throws {
    let source = SyntheticELF()
    let image = try KernelImage(bytes: source.build(), name: "kernel")
    #expect(image.contents(virtualAddress: SyntheticELF.textAddress + 8, count: 4).map(Array.init) == [8, 9, 10, 11])
    #expect(image.contents(virtualAddress: SyntheticELF.textAddress + 60, count: 4) != nil)
    #expect(image.contents(virtualAddress: SyntheticELF.textAddress + 60, count: 5) == nil)
    #expect(
      image.contents(virtualAddress: SyntheticELF.dataAddress + 32, count: 1) == nil, "zeroed memory has no bytes")
    #expect(image.contents(virtualAddress: .max, count: 1) == nil)
    #expect(image.virtualAddress(physical: SyntheticELF.dataPhysical + 5) == SyntheticELF.dataAddress + 5)
    #expect(image.virtualAddress(physical: 0) == nil)
  }

  @Test func aKernelWithoutSectionsStillStarts() throws {
    let image = try KernelImage(bytes: SyntheticELF(withSections: false).build(), name: "kernel")
    #expect(image.pvhEntry == UInt32(SyntheticELF.pvhEntry))
    #expect(image.elf?.sections.isEmpty == true)
  }

  @Test func unsupportedForms() {
    let elf = SyntheticELF().build()
    for (bytes, offset) in [
      (elf.with(UInt8(1), at: Field.fileClass), 18), (elf.with(UInt8(2), at: Field.byteOrder), 5),
      (elf.with(UInt16(183), at: Field.machine), 18), (elf.with(UInt16(1), at: 16), 16),
    ] {
      let error = Self.error(bytes)
      #expect(error?.kind == .unsupported)
      #expect(error?.offset == UInt64(offset))
    }
  }

  @Test func lyingHeaders() {
    let elf = SyntheticELF().build()
    let size = UInt64(elf.count)
    let lies: [(String, [UInt8], Int)] = [
      ("program headers outside", elf.with(size, at: Field.programHeaders), 32),
      ("program headers wrap", elf.with(UInt64.max - 7, at: Field.programHeaders), 32),
      ("odd program header size", elf.with(UInt16(55), at: Field.programHeaderSize), 54),
      ("no segment at all", elf.with(UInt16(0), at: Field.programHeaderCount), 56),
      ("content outside", elf.with(size, at: Field.segment(0, Field.offset)), Field.segment(0, Field.offset)),
      ("content wraps", elf.with(UInt64.max, at: Field.segment(0, Field.fileSize)), Field.segment(0, Field.offset)),
      ("more in the file", elf.with(UInt64(63), at: Field.segment(0, Field.memorySize)), Field.segment(0, 40)),
      ("memory wraps", elf.with(UInt64.max, at: Field.segment(0, Field.memorySize)), Field.segment(0, 24)),
      ("physical wraps", elf.with(UInt64.max - 62, at: Field.segment(0, Field.physicalAddress)), Field.segment(0, 24)),
      ("virtual wraps", elf.with(UInt64.max - 62, at: Field.segment(0, Field.virtualAddress)), Field.segment(0, 16)),
      (
        "overlap",
        elf.with(SyntheticELF.dataPhysical - 1, at: Field.segment(0, Field.physicalAddress))
          .with(UInt64(0x1000), at: Field.segment(0, Field.memorySize)), 32
      ),
      ("sections outside", elf.with(size - 1, at: Field.sectionHeaders), 40),
      ("sections wrap", elf.with(UInt64.max, at: Field.sectionHeaders), 40),
    ]
    for (what, bytes, offset) in lies {
      let error = Self.error(bytes)
      #expect(error?.kind == .malformed, "\(what)")
      #expect(error?.offset == UInt64(offset), "\(what): \(error?.description ?? "accepted")")
    }
  }

  @Test func everyTruncationIsAnError() {
    let elf = SyntheticELF().build()
    for length in 0..<elf.count {
      #expect(Self.error(Array(elf.prefix(length))) != nil, "\(length) bytes were accepted")
    }
  }

  @Test func aBadPVHNoteIsAnError() throws {
    var elf = SyntheticELF().build()
    var entry = ByteBuffer()
    entry.append(SyntheticELF.pvhEntry)
    // The last place of that number; e_entry may hold it too.
    let at = try #require(elf.indices.last { elf[$0...].starts(with: entry.bytes) })
    elf[at + 4] = 1  // Above 4 GiB.
    #expect(Self.error(elf)?.kind == .malformed)
  }

  /// libelf-dominfo.c, `elf_xen_parse`: note sections count where no note segment holds one of Xen's.
  @Test func notesOfSectionsAndTheGuestString() throws {
    let xens = SyntheticELF.note(owner: "Xen", type: 6, descriptor: Array("other".utf8))
    // The owner is a string: what its size says beyond the NUL does not count.
    let padded = SyntheticELF.note(owner: "Xen\0", type: 8, descriptor: Array("generic".utf8))
    var elf = SyntheticELF()
    elf.extraSections = [
      (name: ".note.Xen", type: 7, bytes: xens + padded), (name: "__xen_guest", type: 1, bytes: Array("A=b,C\0D".utf8)),
    ]
    let whole = try KernelImage(bytes: elf.build(), name: "kernel")
    #expect(whole.notes.map(\.xenName) == [nil, "PHYS32_ENTRY"], "the segment's are enough")
    #expect(whole.guestString == Array("A=b,C".utf8))
    elf.pvhOwner = "Nex"
    let image = try KernelImage(bytes: elf.build(), name: "kernel")
    #expect(image.notes.map(\.owner) == ["Linux", "Nex", "Xen", "Xen"] && image.pvhEntry == nil)
    #expect(image.notes.map(\.xenName) == [nil, nil, "GUEST_OS", "LOADER"])
  }

  @Test func foreignFiles() {
    for bytes in [[], Array("#!/bin/sh\n".utf8), [UInt8](repeating: 0, count: 4096)] as [[UInt8]] {
      #expect(
        Self.error(bytes)?.description
          == "kernel: byte 0x0: neither a bzImage nor an ELF file nor a flat image with a multiboot header in its first 8192 "
          + "bytes")
    }
  }

  @Test func unreadableFiles() {
    for path in ["/nonexistent/kernel", "/", "/dev/zero"] {
      #expect(throws: ImageError.self) { try KernelImage(contentsOf: path) }
    }
    do throws(ImageError) {
      _ = try KernelImage(contentsOf: "/dev/zero")
    } catch {
      #expect(error.description == "/dev/zero: not a regular file")
    }
  }

  /// A linker's notes padded to 8 bytes: a program of the system has its property note, whose 16 bytes begin behind a
  /// header and a name of 16 bytes together (System V ABI, x86-64 supplement, ".note.gnu.property Section").
  @Test func readsNotesPaddedToEightBytes() throws {
    let path = "/bin/ls"
    let image = try ELFImage(bytes: [UInt8](Data(contentsOf: URL(fileURLWithPath: path))), name: path)
    let property = try #require(try image.notes().first { $0.owner == "GNU" && $0.type == 5 })
    #expect(property.descriptor.count % 8 == 0)
    // The note behind it is found only where this one's end was computed rightly: the linker's build identifier, a SHA-1.
    #expect(try image.notes().contains { $0.owner == "GNU" && $0.type == 3 && $0.descriptor.count == 20 })
  }
}
