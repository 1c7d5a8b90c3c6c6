import { gzipSync } from "node:zlib";

/** A member of an archive; `type` is the tar type flag. */
export interface Member {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly type?: string;
  readonly linkTo?: string;
  /** Size in the header, if it should lie. */
  readonly size?: number;
}

/** A .tar.gz in POSIX ustar format. */
export function makeTarGz(members: readonly Member[]): Uint8Array {
  const blocks = members.flatMap((member) => {
    const padding = new Uint8Array((512 - (member.bytes.length % 512)) % 512);
    return [headerOf(member), member.bytes, padding];
  });
  return gzipSync(Buffer.concat([...blocks, new Uint8Array(1024)]), { level: 1 });
}

function headerOf({ path, bytes, type = "0", linkTo = "", size = bytes.length }: Member): Uint8Array {
  const header = Buffer.alloc(512);
  header.write(path, 0, 100);
  header.write("0000644\0", 100);
  header.write(`${size.toString(8).padStart(11, "0")}\0`, 124);
  header.write("        ", 148);
  header.write(type, 156);
  header.write(linkTo, 157, 100);
  header.write("ustar\x0000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return header;
}
