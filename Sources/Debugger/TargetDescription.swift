/// The registers as gdb is told of them. GDB manual, "Target Description Format".

enum TargetDescription {
  /// `target.xml`.
  static let text: String = {
    var text = """
      <?xml version="1.0"?>
      <!DOCTYPE target SYSTEM "gdb-target.dtd">
      <target version="1.0"><architecture>i386:x86-64</architecture>

      """
    for feature in Feature.all {
      text += "<feature name=\"\(feature.name)\">\(feature.types)\n"
      for register in feature.registers {
        text += "<reg name=\"\(register.name)\" bitsize=\"\(register.bits)\" type=\"\(register.type)\"/>\n"
      }
      text += "</feature>\n"
    }
    return text + "</target>\n"
  }()
}
