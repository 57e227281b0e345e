/// File and line of a kernel's instructions, from the line tables of an ELF file: its vmlinux with debug information, or an image that has
/// them itself. DWARF 5, "Line Number Information"; elfutils' libdw reads it.
///
/// What an instruction was inlined from is not asked: the place is that of its own line.
import CDW
import Foundation
import Synchronization

public final class SourceLines: Sendable {
  /// A file, told from the innermost folder that holds both it and the place where the compiler was started, or from the root where that
  /// folder is the root or lies right below it; and a line of it, from 1.
  public struct Place: Sendable, Hashable {
    public var file: String
    public var line: Int
  }

  /// libdw reads what it is asked for when it is first asked, so one thread at a time does.
  private let tables: Mutex<Tables>
  /// How far above its place in the file an instruction of the kernel was linked.
  let shift: UInt64

  /// Longer names of files are cut off.
  private static let longestName = 4096

  /// Nil where the file has no line tables that can be read.
  public convenience init?(contentsOf path: String, shift: UInt64 = 0) {
    let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    self.init(descriptor, shift: shift)
  }

  /// The same of bytes.
  ///
  /// - Parameter folders: what the names in the tables may begin with, and what they begin with instead.
  public convenience init?(bytes: [UInt8], renaming folders: [(String, String)] = []) {
    let descriptor = memory_file()
    guard descriptor >= 0 else { return nil }
    let isWritten = bytes.withUnsafeBytes { bytes -> Bool in
      var done = 0
      while done < bytes.count {
        let count = write(descriptor, bytes.baseAddress! + done, bytes.count - done)
        if count <= 0 { return false }
        done += count
      }
      return true
    }
    guard isWritten else {
      close(descriptor)
      return nil
    }
    self.init(descriptor, shift: 0, renaming: folders)
  }

  /// Takes the open file.
  private init?(_ descriptor: Int32, shift: UInt64, renaming folders: [(String, String)] = []) {
    guard let session = dwarf_begin(descriptor, DWARF_C_READ) else {
      close(descriptor)
      return nil
    }
    tables = Mutex(Tables(session: session, descriptor: descriptor, folders: folders))
    self.shift = shift
  }

  /// Nil where the tables say nothing of the address.
  public func place(of address: UInt64) -> Place? {
    tables.withLock { $0.place(of: address &- shift) }
  }

  /// One open file.
  private struct Tables: ~Copyable, @unchecked Sendable {
    let session: OpaquePointer
    let descriptor: Int32
    let folders: [(String, String)]
    /// What is known of an address: a path names the same few again and again.
    var known: [UInt64: Place?] = [:]

    init(session: OpaquePointer, descriptor: Int32, folders: [(String, String)]) {
      self.session = session
      self.descriptor = descriptor
      self.folders = folders
    }

    deinit {
      dwarf_end(session)
      close(descriptor)
    }

    mutating func place(of address: UInt64) -> Place? {
      if let place = known[address] { return place }
      let place = look(for: address)
      known[address] = .some(place)
      return place
    }

    private func look(for address: UInt64) -> Place? {
      guard var unit = unit(of: address), let row = dwarf_getsrc_die(&unit, address) else { return nil }
      var line: Int32 = 0
      guard dwarf_lineno(row, &line) == 0, line > 0, let name = dwarf_linesrc(row, nil, nil) else { return nil }
      let file = Self.text(name)
      if let (folder, other) = folders.first(where: { file.hasPrefix($0.0) }) {
        return Place(file: other + file.dropFirst(folder.count), line: Int(line))
      }
      let short = Self.folder(of: &unit).map { Self.name(of: file, from: $0) } ?? file
      return short.isEmpty ? nil : Place(file: short, line: Int(line))
    }

    private static func name(of file: String, from folder: String) -> String {
      guard file.hasPrefix("/"), folder.hasPrefix("/") else { return file }
      let parts = file.split(separator: "/")
      let shared = zip(parts.dropLast(), folder.split(separator: "/")).prefix { $0 == $1 }.count
      return shared < 2 ? file : parts.dropFirst(shared).joined(separator: "/")
    }

    /// The compilation unit that the address belongs to: by the table that names each unit's addresses, or, where the compiler wrote none, one
    /// after the other.
    private func unit(of address: UInt64) -> Dwarf_Die? {
      var unit = Dwarf_Die()
      if dwarf_addrdie(session, address, &unit) != nil { return unit }
      var (last, next): (OpaquePointer?, OpaquePointer?) = (nil, nil)
      while dwarf_get_units(session, last, &next, nil, nil, &unit, nil) == 0 {
        if dwarf_haspc(&unit, address) == 1 { return unit }
        last = next
      }
      return nil
    }

    /// Where the compiler was started.
    private static func folder(of unit: inout Dwarf_Die) -> String? {
      var attribute = Dwarf_Attribute()
      guard dwarf_attr(&unit, UInt32(DW_AT_comp_dir), &attribute) != nil, let name = dwarf_formstring(&attribute) else {
        return nil
      }
      return text(name)
    }

    private static func text(_ name: UnsafePointer<CChar>) -> String {
      let length = strnlen(name, longestName)
      return String(decoding: UnsafeRawBufferPointer(start: name, count: length), as: UTF8.self)
    }
  }
}
