//! Spreadsheets of `OpenDocument` 1.3: one sheet, every cell a text, so that nothing in it is ever computed. Rows are
//! written as they come.

use std::io::{self, Write};

use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

/// What a file of this form says it is.
pub const MEDIA_TYPE: &str = "application/vnd.oasis.opendocument.spreadsheet";
const MANIFEST: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
    <manifest:manifest xmlns:manifest=\"urn:oasis:names:tc:opendocument:xmlns:manifest:1.0\" manifest:version=\"1.3\">\
    <manifest:file-entry manifest:full-path=\"/\" manifest:version=\"1.3\" \
    manifest:media-type=\"application/vnd.oasis.opendocument.spreadsheet\"/>\
    <manifest:file-entry manifest:full-path=\"content.xml\" manifest:media-type=\"text/xml\"/></manifest:manifest>\n";
const BEGIN: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
    <office:document-content xmlns:office=\"urn:oasis:names:tc:opendocument:xmlns:office:1.0\" \
    xmlns:table=\"urn:oasis:names:tc:opendocument:xmlns:table:1.0\" \
    xmlns:text=\"urn:oasis:names:tc:opendocument:xmlns:text:1.0\" office:version=\"1.3\">\
    <office:body><office:spreadsheet><table:table table:name=\"log\">";
const END: &str = "</table:table></office:spreadsheet></office:body></office:document-content>\n";

/// A spreadsheet that is being written.
pub struct Ods<W: Write>(ZipWriter<StreamWriter<W>>);

impl<W: Write> Ods<W> {
    /// Begins it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(out: W) -> io::Result<Self> {
        let mut archive = ZipWriter::new_stream(out);
        // First, and not compressed: by that, programs know what it is.
        let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        archive.start_file("mimetype", stored)?;
        archive.write_all(MEDIA_TYPE.as_bytes())?;
        let packed = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        archive.start_file("META-INF/manifest.xml", packed)?;
        archive.write_all(MANIFEST.as_bytes())?;
        archive.start_file("content.xml", packed.large_file(true))?;
        archive.write_all(BEGIN.as_bytes())?;
        Ok(Self(archive))
    }

    /// Writes a row.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn row<'c>(&mut self, cells: impl IntoIterator<Item = &'c str>) -> io::Result<()> {
        let mut xml = String::from("<table:table-row>");
        for cell in cells {
            if cell.is_empty() {
                xml.push_str("<table:table-cell/>");
                continue;
            }
            xml.push_str("<table:table-cell office:value-type=\"string\"><text:p>");
            escape(cell, &mut xml);
            xml.push_str("</text:p></table:table-cell>");
        }
        xml.push_str("</table:table-row>");
        self.0.write_all(xml.as_bytes())
    }

    /// Ends it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> io::Result<()> {
        self.0.write_all(END.as_bytes())?;
        self.0.finish()?.into_inner().flush()
    }
}

/// Text as it stands in XML 1.0; a character that it cannot hold becomes the replacement character.
fn escape(text: &str, xml: &mut String) {
    for character in text.chars() {
        match character {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '\t' => xml.push_str("<text:tab/>"),
            '\n' | '\r' => xml.push_str("<text:line-break/>"),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => xml.push('\u{fffd}'),
            character => xml.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read as _};

    use super::*;

    #[test]
    fn a_sheet_has_its_rows_as_text_and_computes_nothing() {
        let mut file = Vec::new();
        let mut sheet = Ods::new(&mut file).unwrap();
        sheet.row(["index", "clause"]).unwrap();
        sheet
            .row(["=1+1", "</text:p><script>&\u{1}", "", "\ta\r"])
            .unwrap();
        sheet.finish().unwrap();
        // Programs look for the type at this very place.
        assert_eq!(&file[30..38], b"mimetype");
        let mut archive = zip::ZipArchive::new(Cursor::new(file)).unwrap();
        let mut read = |name: &str| {
            let mut text = String::new();
            archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
            text
        };
        assert_eq!(read("mimetype"), MEDIA_TYPE);
        assert!(read("META-INF/manifest.xml").contains("content.xml"));
        let content = read("content.xml");
        assert!(content.ends_with(END) && content.matches("<table:table-row>").count() == 2);
        assert!(
            !content.contains("formula") && !content.contains("<script"),
            "{content}"
        );
        assert!(
            content.contains("&lt;/text:p&gt;&lt;script&gt;&amp;\u{fffd}"),
            "{content}"
        );
    }
}
