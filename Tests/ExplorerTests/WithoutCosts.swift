/// A report as JSON without what it cost, for engines that give the same answers and do not work alike.
import Foundation
import Testing

enum WithoutCosts {
  static func of(_ report: String) throws -> NSObject {
    let document = try JSONSerialization.jsonObject(with: Data(report.utf8))
    return try #require(strip(document) as? NSObject)
  }

  private static func strip(_ value: Any) -> Any {
    if let object = value as? [String: Any] { return object.filter { $0.key != "costs" }.mapValues(strip) }
    if let list = value as? [Any] { return list.map(strip) }
    return value
  }
}
