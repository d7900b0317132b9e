import "react";

declare module "react" {
  // Custom properties that the style sheets read.
  interface CSSProperties {
    "--hue"?: number;
    "--lifted-height"?: string;
  }
}
