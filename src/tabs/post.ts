/** What is used of a BroadcastChannel. */
export interface Channel {
  postMessage(message: unknown): void;
  addEventListener(type: 'message', listener: (event: MessageEvent) => void): void;
  close(): void;
}

/** Opens a channel by its name. */
export type OpenChannel = (name: string) => Channel;

/**
 * Messages between tabs. All hear a notice; a letter is heard by one. A port cannot be sent through a BroadcastChannel, so
 * each tab has a channel of its own, under a name that follows from its id, and the work and products of one tab
 * are not copied into the others.
 */
export class Post<Message> {
  private readonly everyone: Channel;
  private readonly inbox: Channel;
  private readonly others = new Map<string, Channel>();

  /**
   * @param name - of what is shared.
   * @param self - id of this tab.
   */
  constructor(
    private readonly open: OpenChannel,
    private readonly name: string,
    self: string,
    hear: (message: Message) => void,
  ) {
    this.everyone = open(name);
    this.inbox = this.channelOf(self);
    for (const channel of [this.everyone, this.inbox])
      channel.addEventListener('message', ({ data }) => hear(data));
  }

  /** Tells every other tab. */
  tell(notice: Message): void {
    this.everyone.postMessage(notice);
  }

  /** @throws DataCloneError where the letter holds something that cannot be copied. */
  send(tab: string, letter: Message): void {
    let channel = this.others.get(tab);
    if (!channel) {
      channel = this.channelOf(tab);
      this.others.set(tab, channel);
    }
    channel.postMessage(letter);
  }

  /** Nothing will be sent to this tab any more. */
  forget(tab: string): void {
    this.others.get(tab)?.close();
    this.others.delete(tab);
  }

  close(): void {
    for (const channel of [this.everyone, this.inbox, ...this.others.values()]) channel.close();
  }

  private channelOf(tab: string): Channel {
    return this.open(`${this.name} ${tab}`);
  }
}
