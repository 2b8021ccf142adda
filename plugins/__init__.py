"""The plugins that come with pyshim, registered as any other would be."""
